import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import type { Io, Item } from "../../core/target.ts";
import { digestOf } from "../../lib/hash.ts";
import { temporaryFolder } from "../../lib/temporary.ts";
import type { NpmClient } from "./client.ts";
import { publishVersion } from "./publish.ts";

interface Context {
  client: NpmClient;
  packages: readonly string[];
  access: "public" | "restricted";
  tag: string;
}

const version = "0.0.0";

/**
 * Publishes a deprecated placeholder 0.0.0 of each package that doesn't exist yet: npm makes a first version `latest` whatever
 * one asks for, and trusted publishing can't make it (registry-facts.md, fact 5; npm/cli#8544).
 *
 * @returns the packages that were claimed
 */
export async function claimPackages({ client, packages, access, tag }: Context, io: Io): Promise<string[]> {
  const claimed: string[] = [];
  for (const name of packages) {
    if ((await client.packument(name, io, { fresh: true, token: true })) !== null) continue;
    const folder = await temporaryFolder(tmpdir(), "twotier-claim");
    try {
      const bytes = await placeholder(name);
      const file = path.join(folder, "placeholder.tgz");
      await writeFile(file, bytes);
      const digest = digestOf(bytes, "sha512");
      const item: Item = { target: "npm", id: `${name}@${version}`, digest, file: "placeholder.tgz", phase: "hidden" };
      const local = { path: file, size: bytes.length, sha256: digestOf(bytes) };
      await publishVersion({ client, item, tag, access, accepted: new Set() }, async () => local, io);
      claimed.push(name);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return claimed;
}

/** The tarball of the placeholder. */
async function placeholder(name: string): Promise<Buffer> {
  const manifest = {
    name,
    version,
    description: "Placeholder: the first release is on its way.",
    // Sent with the publish, because `npm deprecate` doesn't work while npm scans a version (registry-facts.md, fact 1).
    deprecated: "This is a placeholder that holds the name; install a later version.",
  };
  const files = {
    "package/package.json": `${JSON.stringify(manifest, null, 2)}\n`,
    "package/README.md": `# ${name}\n\nA placeholder that holds the name until the first release.\n`,
  };
  const mtime = new Date("1985-10-26T08:15:00Z"); // the date `npm pack` gives all files
  const tar = await packTar(
    Object.entries(files).map(([member, text]) => ({
      header: { name: member, size: Buffer.byteLength(text), mode: 0o644, mtime },
      body: text,
    })),
  );
  return gzipSync(tar);
}
