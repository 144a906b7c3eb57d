import picomatch from "picomatch";

/**
 * Files of a build context that a Dockerfile copies (docs.docker.com/reference/dockerfile, COPY and ADD).
 *
 * @param ignore text of .dockerignore; the last pattern that matches decides, `!` takes back
 * @param context files of the context, relative to it
 */
export function dockerSources(dockerfile: string, ignore: string, context: readonly string[]): string[] {
  const rules = ignore.split(/\r?\n/).flatMap((line) => {
    const text = line.trim();
    if (text === "" || text.startsWith("#")) return [];
    const pattern = text
      .replace(/^!/, "")
      .replace(/^\.?\//, "")
      .replace(/\/+$/, "");
    return [{ away: !text.startsWith("!"), matches: picomatch([pattern, `${pattern}/**`], { dot: true }) }];
  });
  const sent = context.filter((file) => !(rules.findLast((rule) => rule.matches(file))?.away ?? false));
  const found = new Set<string>();
  for (const source of sourcesOf(dockerfile)) {
    if (source === ".") for (const file of sent) found.add(file);
    else {
      const matches = picomatch([source, `${source}/**`], { dot: true });
      for (const file of sent) if (matches(file)) found.add(file);
    }
  }
  return [...found];
}

/** Sources of each COPY and ADD that takes from the context, cleaned; build arguments stand for anything. */
function sourcesOf(dockerfile: string): string[] {
  const lines = dockerfile.replace(/\\[ \t]*\r?\n/g, " ").split(/\r?\n/);
  return lines.flatMap((line) => {
    const match = /^\s*(?:COPY|ADD)\s+(.*)$/i.exec(line);
    const rest = match?.[1]?.trim();
    if (rest === undefined || /(?:^|\s)--from=/.test(rest)) return [];
    const plain = rest.replace(/^(?:--\S+\s+)*/, "");
    const words = plain.startsWith("[") ? asList(plain) : plain.split(/\s+/);
    return words
      .slice(0, -1)
      .filter((word) => !/^(?:<<|https?:|git@)/.test(word))
      .map((word) =>
        word
          .replace(/\$\{[^}]*\}|\$\w+/g, "*")
          .replace(/^\.?\/+/, "")
          .replace(/\/+$/, ""),
      )
      .map((word) => (word === "" || word === "." ? "." : word));
  });
}

function asList(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.map(String) : [];
  } catch {
    return [];
  }
}
