import { randomUUID } from "node:crypto";
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import type { Staging } from "../core/target.ts";
import { ReleaseError } from "../lib/errors.ts";

/**
 * The staging place of releases that have neither GitHub nor an OCI registry: a folder. Then only this machine can
 * finish what was interrupted (two-tier.md, step 4).
 */
export function localStaging(root: string, tag: string): Staging {
  const parent = path.join(root, "staging", tag.replace(/[^A-Za-z0-9._@-]/g, "_"));
  let id = "";
  const at = (name: string) => path.join(parent, id, name);
  return {
    holdsAssets: false,
    async create() {
      id = randomUUID();
      await mkdir(path.join(parent, id), { recursive: true });
      return id;
    },
    use(one) {
      id = path.basename(one);
    },
    async list() {
      return readdir(parent).catch(() => []);
    },
    async discard(one) {
      await rm(path.join(parent, path.basename(one)), { recursive: true, force: true });
    },
    async put(name, file) {
      await copyFile(file.path, at(name));
    },
    async fetch(name, to) {
      await copyFile(at(name), to).catch((cause) => {
        throw new ReleaseError("REGISTRY", `${name} isn't among the staged files on this machine`, {
          cause,
          facts: { folder: path.join(parent, id) },
          hint: "without the github or docker target only the machine that staged a release can finish it: run the command there",
        });
      });
    },
  };
}
