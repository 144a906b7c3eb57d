import type { Tree } from "../config/types.ts";
import { ReleaseError } from "../lib/errors.ts";
import { asTable, asText, parseJson } from "./json.ts";
import { parseRemote } from "./remote.ts";
import type { Place, Remote } from "./types.ts";

/**
 * owner/name of a repository: as said, as the remote's address says, else as the manifests say.
 *
 * @throws ReleaseError USAGE where nothing says it
 */
export async function repositoryOf(
  tree: Tree,
  place: Place,
  said: string | undefined,
): Promise<{ repository: string; notes: string[] }> {
  const notes: string[] = [];
  const written = await inManifests(tree);
  if (said !== undefined) return { repository: said, notes };
  const { remote, upstream } = place;
  if (remote === null) {
    if (written === null) {
      throw new ReleaseError("USAGE", "which repository is this? There is no remote, and no manifest names one", {
        hint: "add `--repository OWNER/NAME`, or the remote: git remote add origin https://github.com/OWNER/NAME.git",
      });
    }
    notes.push(`there is no remote: ${spell(written)} is what the manifests say`);
    return { repository: spell(written), notes };
  }
  const repository = spell(remote);
  if (upstream && spell(upstream) !== repository)
    notes.push(
      `${repository} looks like a fork of ${spell(upstream)} (remote upstream): the workflow does nothing in any repository but ${repository}; \`--repository ${spell(upstream)}\` takes the other`,
    );
  else if (written && written.name === remote.name && written.owner.toLowerCase() !== remote.owner.toLowerCase())
    notes.push(
      `the manifests name ${spell(written)}, the remote ${repository}: a fork? \`--repository ${spell(written)}\` takes the other`,
    );
  if (remote.owner.includes("/"))
    notes.push(`${remote.owner}/${remote.name} is in a group of a group: \`repository\` holds its last two parts`);
  if (remote.provider === "gitlab")
    notes.push(
      `${remote.host}: there are no GitHub releases, so binaries have no place to go; packages and images are released`,
    );
  return { repository, notes };
}

/** owner/name, with the last group alone. */
function spell({ owner, name }: Pick<Remote, "owner" | "name">): string {
  return `${owner.slice(owner.lastIndexOf("/") + 1)}/${name}`;
}

/** Where package.json, pyproject.toml, Cargo.toml or go.mod at the root say the repository is. */
async function inManifests(tree: Tree): Promise<Remote | null> {
  const [npm, python, cargo, go] = await Promise.all(
    ["package.json", "pyproject.toml", "Cargo.toml", "go.mod"].map((file) => tree.read(file)),
  );
  const field = parseJson(npm ?? "")?.repository;
  const shorthand = /^(?:github:)?([\w.-]+)\/([\w.-]+)$/.exec(asText(field) ?? "");
  const found = [
    shorthand ? `https://github.com/${shorthand[1]}/${shorthand[2]}` : asText(field),
    asText(asTable(field).url)?.replace(/^git\+/, ""),
    ...[python, cargo].map((text) => /["'](https:\/\/git(?:hub|lab)\.com\/[\w.-]+\/[\w.-]+)/.exec(text ?? "")?.[1]),
    go === null || go === undefined
      ? undefined
      : /^module\s+"?(github\.com\/[\w.-]+\/[\w.-]+)/m.exec(go)?.[1]?.replace(/^/, "https://"),
  ];
  for (const url of found) {
    const remote = url === undefined ? null : parseRemote(url);
    if (remote) return remote;
  }
  return null;
}
