/** A code block of a Markdown file that is marked to be run. */
export interface Example {
  /** Word after the fence, in lower case. */
  language: string;
  code: string;
  /** Line of the fence, from 1. */
  line: number;
}

/** What stands on the line above a code block that is to be run. */
export const exampleMark = "<!-- twotier:run -->";

/**
 * Code blocks below a line `<!-- twotier:run -->` (blank lines between are fine). Pure.
 *
 * @see https://spec.commonmark.org/0.31.2/#fenced-code-blocks
 */
export function markedExamples(markdown: string): Example[] {
  const examples: Example[] = [];
  const lines = markdown.split(/\r?\n/);
  let marked = false;
  for (let at = 0; at < lines.length; at++) {
    const text = lines[at] as string;
    const fence = /^( {0,3})(`{3,}|~{3,})\s*([^\s`]*)/.exec(text);
    if (!fence) {
      if (text.trim() !== "") marked = text.trim() === exampleMark;
      continue;
    }
    const [, indent = "", ticks = "", language = ""] = fence;
    const close = new RegExp(`^ {0,3}${ticks[0]}{${ticks.length},}\\s*$`);
    const code: string[] = [];
    const line = at + 1;
    for (at++; at < lines.length && !close.test(lines[at] as string); at++) {
      code.push((lines[at] as string).replace(new RegExp(`^ {0,${indent.length}}`), ""));
    }
    if (marked) examples.push({ language: language.toLowerCase(), code: `${code.join("\n")}\n`, line });
    marked = false;
  }
  return examples;
}

/** How a language's examples are run: a program and its arguments; the code comes last. Undefined: not known. */
export function runnerOf(language: string): readonly string[] | undefined {
  if (/^(sh|shell|bash|console)$/.test(language)) return [language === "bash" ? "bash" : "sh", "-euc"];
  if (/^(python|python3|py)$/.test(language)) return ["python3", "-c"];
  if (/^(js|javascript|mjs|node)$/.test(language)) return ["node", "--input-type=module", "--eval"];
  return undefined;
}
