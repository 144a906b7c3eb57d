import { data, Evaluator, Lexer, Parser } from "@actions/expressions";

/** Whether what came before a step or a job went well. */
export type Status = "success" | "failure" | "cancelled";

/** Values of the contexts: `github`, `needs`, `inputs` ... */
export type Contexts = Record<string, unknown>;

const statusFunctions = ["success", "failure", "cancelled", "always"] as const;

/** One expression, by GitHub's own parser and evaluator. */
function evaluate(text: string, contexts: Contexts, status: Status): unknown {
  const functions = statusFunctions.map((name) => ({
    ...{ name, minArgs: 0, maxArgs: 0 },
    call: () => new data.BooleanData(name === "always" || name === status),
  }));
  const { tokens } = new Lexer(text).lex();
  const tree = new Parser(tokens, Object.keys(contexts), functions).parse();
  const values = JSON.parse(JSON.stringify(contexts), data.reviver) as data.Dictionary;
  const byName = new Map(functions.map((one) => [one.name, one]));
  return JSON.parse(JSON.stringify(new Evaluator(tree, values, byName).evaluate(), data.replacer));
}

const whole = /^\s*\$\{\{(.*)\}\}\s*$/s;

/** A text with its `${{ }}` filled in; one that is nothing else keeps the type of its value. */
export function fill(value: unknown, contexts: Contexts, status: Status = "success"): unknown {
  if (Array.isArray(value)) return value.map((one) => fill(one, contexts, status));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, contexts, status)]));
  }
  if (typeof value !== "string") return value;
  const only = whole.exec(value);
  if (only && !only[1]?.includes("${{")) return evaluate(only[1] as string, contexts, status);
  return value.replace(/\$\{\{(.*?)\}\}/gs, (_, text: string) => show(evaluate(text, contexts, status)));
}

/** As GitHub writes a value into a text. */
export function show(value: unknown): string {
  return value === null || value === undefined ? "" : String(value);
}

/** An `if`: without a status function it also asks for success. */
export function holds(condition: unknown, contexts: Contexts, status: Status): boolean {
  if (condition === undefined) return status === "success";
  const text = whole.exec(String(condition))?.[1] ?? String(condition);
  const asks = statusFunctions.some((name) => new RegExp(`\\b${name}\\(`).test(text));
  return (asks || status === "success") && truthy(evaluate(text, contexts, status));
}

const truthy = (value: unknown) => value !== false && value !== null && value !== "" && value !== 0;
