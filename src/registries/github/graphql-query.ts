/** One field that a query asks for. */
export interface Field {
  name: string;
  /** Its name in the answer. */
  alias: string;
  args: Record<string, Value>;
  fields: Field[];
}

type Value = { variable: string } | { value: unknown } | { fields: Record<string, Value> };

/** The query can't be read, or uses what isn't supported here. */
export class QueryError extends Error {}

const token = /\s+|,|#[^\n]*|"(?:[^"\\\n]|\\.)*"|\$?[A-Za-z_]\w*|-?\d+(?:\.\d+)?|\.\.\.|[{}()[\]:!=@|]/y;

/**
 * Reads a GraphQL document with one query (https://spec.graphql.org, section 2): fields, arguments, aliases, variables.
 *
 * @throws QueryError for mutations, fragments, directives and for what isn't GraphQL.
 */
export function parseQuery(text: string): Field[] {
  const tokens = tokenize(text);
  let at = 0;
  const take = (wanted?: string): string => {
    const next = tokens[at++];
    if (next === undefined || (wanted !== undefined && next !== wanted)) {
      throw new QueryError(`Parse error: expected ${wanted ?? "more"}, found ${next ?? "the end"}`);
    }
    return next;
  };
  const name = (): string => {
    const next = take();
    if (!/^[A-Za-z_]/.test(next)) throw new QueryError(`Parse error: expected a name, found ${next}`);
    return next;
  };
  const value = (): Value => {
    const next = take();
    if (next.startsWith("$")) return { variable: next.slice(1) };
    if (next === "{") {
      const fields: Record<string, Value> = {};
      while (tokens[at] !== "}") {
        const key = name();
        take(":");
        fields[key] = value();
      }
      take("}");
      return { fields };
    }
    if (next.startsWith('"')) return { value: JSON.parse(next) };
    if (/^-?\d/.test(next)) return { value: Number(next) };
    if (next === "true" || next === "false") return { value: next === "true" };
    if (next === "null") return { value: null };
    if (/^[A-Za-z_]/.test(next)) return { value: next }; // an enum's member
    throw new QueryError(`Parse error: expected a value, found ${next}`);
  };
  const selection = (): Field[] => {
    const fields: Field[] = [];
    take("{");
    while (tokens[at] !== "}") {
      const alias = name();
      let called = alias;
      if (tokens[at] === ":") {
        take(":");
        called = name();
      }
      const args: Record<string, Value> = {};
      if (tokens[at] === "(") {
        take("(");
        while (tokens[at] !== ")") {
          const key = name();
          take(":");
          args[key] = value();
        }
        take(")");
      }
      fields.push({ name: called, alias, args, fields: tokens[at] === "{" ? selection() : [] });
    }
    take("}");
    return fields;
  };
  if (tokens[0] !== "{") {
    const kind = take();
    if (kind !== "query") throw new QueryError(`Only queries are supported here, not ${kind}`);
    if (tokens[at] !== "(" && tokens[at] !== "{") name();
    if (tokens[at] === "(") while (take() !== ")");
  }
  const fields = selection();
  if (at < tokens.length) throw new QueryError("Only one query is supported here, without fragments");
  return fields;
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const start = token.lastIndex;
    const match = token.exec(text);
    if (!match) throw new QueryError(`Parse error at character ${start}`);
    if (!/^[\s,#]/.test(match[0])) tokens.push(match[0]);
  }
  return tokens;
}

/** Arguments with the variables put in. */
export function argumentsOf(args: Record<string, Value>, variables: Record<string, unknown>): Record<string, unknown> {
  const given = (value: Value): unknown => {
    if ("variable" in value) return variables[value.variable];
    return "fields" in value ? argumentsOf(value.fields, variables) : value.value;
  };
  return Object.fromEntries(Object.entries(args).map(([key, value]) => [key, given(value)]));
}
