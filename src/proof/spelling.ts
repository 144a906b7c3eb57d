/** A text that a candidate has where the stable release has another. */
export interface Spelling {
  from: string;
  to: string;
}

interface Named {
  /** SemVer without prefix */
  version: string;
  /** PEP 440's spelling */
  pythonVersion: string;
  /** Full sha of the release commit. */
  commit: string;
}

/** Lengths in which commits are written: full, and what git and CI systems shorten to. */
const shaLengths = [40, 12, 10, 8, 7];

/** What a build may spell otherwise in the stable release: the version in both forms, and the release commit. */
export function spellings(candidate: Named, stable: Named): Spelling[] {
  const all = [
    { from: candidate.version, to: stable.version },
    { from: candidate.pythonVersion, to: stable.pythonVersion },
    ...["'", '"'].map((quote) => ({
      from: asTuple(candidate.pythonVersion, quote),
      to: asTuple(stable.pythonVersion, quote),
    })),
    ...shaLengths.map((length) => ({ from: candidate.commit.slice(0, length), to: stable.commit.slice(0, length) })),
  ];
  const different = all.filter(({ from, to }) => from !== "" && to !== "" && from !== to);
  return different.sort((a, b) => b.from.length - a.from.length);
}

/** `0.1.19rc2` as Python's tools write it for programs: `(0, 1, 19, 'rc2')` (setuptools-scm, "version_file"). */
function asTuple(version: string, quote: string): string {
  const [, numbers = "", rest = ""] = /^([\d.]*\d)(.*)$/.exec(version) ?? [];
  const parts = numbers.split(".");
  if (rest !== "") parts.push(`${quote}${rest.replace(/^\./, "")}${quote}`);
  return `(${parts.join(", ")})`;
}

/** A name of the candidate as the stable release spells it. */
export function translate(text: string, list: readonly Spelling[]): string {
  return list.reduce((now, { from, to }) => now.replaceAll(from, to), text);
}

/**
 * Whether two contents are equal but for spellings of the version: wherever the stable one has other bytes, the
 * candidate has `from` and the stable one `to`. Where both have `from`, it is no spelling but a word of the text.
 *
 * @returns how often the spelling differs, or where in the candidate (bytes) something else begins to
 */
export function compareSpelled(
  candidate: Buffer,
  stable: Buffer,
  list: readonly Spelling[],
): { places: number } | { at: number } {
  const words = list.map(({ from, to }) => ({ from: Buffer.from(from), to: Buffer.from(to) }));
  let [i, j, places] = [0, 0, 0];
  const next = words.map(({ from }) => candidate.indexOf(from));
  for (;;) {
    let best = -1;
    for (const [index, at] of next.entries()) {
      let found = at;
      // An occurrence inside of one that was passed isn't one.
      if (found >= 0 && found < i) found = candidate.indexOf((words[index] as { from: Buffer }).from, i);
      next[index] = found;
      if (found >= 0 && (best < 0 || found < (next[best] as number))) best = index;
    }
    const end = best < 0 ? candidate.length : (next[best] as number);
    const length = end - i;
    if (!candidate.subarray(i, end).equals(stable.subarray(j, j + length))) {
      return { at: i + firstDifference(candidate.subarray(i, end), stable.subarray(j, j + length)) };
    }
    i = end;
    j += length;
    if (best < 0) return j === stable.length ? { places } : { at: i };
    const { from, to } = words[best] as { from: Buffer; to: Buffer };
    if (stable.subarray(j, j + from.length).equals(from)) j += from.length;
    else if (stable.subarray(j, j + to.length).equals(to) && isWord(candidate, i, from.length)) {
      j += to.length;
      places++;
    } else return { at: i };
    i += from.length;
  }
}

/** A version inside of a longer number (`10.1.19-rc.1`, `0.1.19-rc.12`) is another version. */
function isWord(text: Buffer, at: number, length: number): boolean {
  const digit = (byte: number | undefined) => byte !== undefined && byte >= 48 && byte <= 57;
  const before = text[at - 1];
  return !digit(before) && !(before === 46 && digit(text[at - 2])) && !digit(text[at + length]);
}

function firstDifference(a: Buffer, b: Buffer): number {
  const end = Math.min(a.length, b.length);
  for (let at = 0; at < end; at++) if (a[at] !== b[at]) return at;
  return end;
}
