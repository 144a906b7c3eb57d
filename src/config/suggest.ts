/** Words that people write for Go's. */
const synonyms: Record<string, string> = {
  macos: "darwin",
  osx: "darwin",
  win: "windows",
  win32: "windows",
  x64: "amd64",
  x86_64: "amd64",
  x86: "386",
  i386: "386",
  aarch64: "arm64",
};

/** The known word that is meant by a misspelt one, or undefined where none is near. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const plain = (text: string) => text.toLowerCase().replace(/[-_]/g, "");
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    const distance = editDistance(plain(word), plain(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `macos/x64` -> `darwin/amd64`; undefined where every part is Go's own word already. */
export function suggestPlatform(platform: string): string | undefined {
  const parts = platform.toLowerCase().split(/[/-]/);
  const fixed = parts.map((part) => (Object.hasOwn(synonyms, part) ? (synonyms[part] as string) : part));
  const text = fixed.join("/");
  return text === platform ? undefined : text;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, (last[j - 1] as number) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        value = Math.min(value, (before[j - 2] as number) + 1);
      row.push(value);
    }
    before = last;
    last = row;
  }
  return last[b.length] as number;
}
