import picomatch from "picomatch";

/**
 * Which paths trigger a release: the globs of `trigger.paths` in order, as GitHub's `on.push.paths` reads them (the
 * last one that matches decides, and `!glob` takes away). A newline is a character like others in a path.
 */
export function pathMatcher(globs: readonly string[]): (path: string) => boolean {
  if (globs.length === 1 && globs[0] === "**") return () => true;
  const rules = globs.map((glob) => {
    const takes = !glob.startsWith("!");
    return { takes, matches: picomatch(takes ? glob : glob.slice(1), { dot: true, nonegate: true, flags: "s" }) };
  });
  return (path) => {
    for (let i = rules.length - 1; i >= 0; i--) {
      const rule = rules[i];
      if (rule?.matches(path)) return rule.takes;
    }
    return false;
  };
}

const key = "Twotier-Release: ";

/** Tags that a message's trailers name (git-interpret-trailers(1): lines of the last paragraph). */
export function releaseTrailers(message: string): string[] {
  const paragraphs = message.trimEnd().split(/\n[ \t]*\n/);
  if (paragraphs.length < 2) return [];
  return (paragraphs.at(-1) as string)
    .split("\n")
    .flatMap((line) => (line.startsWith(key) ? [line.slice(key.length).trim()] : []));
}

/**
 * True for a commit that the product made itself: its trailer names a tag of ours, and it changed nothing but files
 * that are stamped (two-tier.md, "Trigger"). No other text in a message counts.
 *
 * @param isTag the tag, or any of the tags, that the trailer may name
 * @param stamped tells stamped files, VERSION and CHANGELOG.md among them
 */
export function isOwn(
  commit: { message: string; paths: readonly string[] },
  isTag: (tag: string) => boolean,
  stamped: (path: string) => boolean,
): boolean {
  return releaseTrailers(commit.message).some(isTag) && commit.paths.every(stamped);
}
