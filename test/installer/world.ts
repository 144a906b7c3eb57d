import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseConfig } from "../../src/config/parse.ts";
import { resolveArtifacts } from "../../src/config/resolve.ts";
import type { InstallerInput } from "../../src/generate/installer/index.ts";
import { installerInput } from "../../src/generate/installer/index.ts";
import { folderTree } from "../../src/git/folder.ts";
import { gitIn } from "../../src/git/git.ts";
import { startGithub } from "../../src/registries/github/index.ts";
import { root } from "../tools.ts";

/** What goes wrong with requests whose path matches. */
export interface Fault {
  path: RegExp;
  /** How many requests meet it; default: all. */
  times?: number;
  answer: (response: ServerResponse) => void;
}

export interface World {
  /** Address of a GitHub server of one's own, by a name: its faults and requests are nobody else's. */
  github(name: string): string;
  /** Returns how to end it. */
  fault(name: string, fault: Fault): () => void;
  /** Paths asked for, in order. */
  requests(name: string): string[];
  /** Sends requests with the credential. */
  api(method: string, path: string, body?: unknown): Promise<Response>;
  /** Makes a release whose binary is a script that says its version. */
  release(version: string, options?: { binary?: string; checksums?: string; platform?: string }): Promise<void>;
  folder: string;
  close(): Promise<void>;
}

export const repository = "hanzoai/playground";
export const exampleDir = path.join(root, "examples/playground");

/** The example's scripts' input. */
export async function exampleInput(): Promise<InstallerInput> {
  const config = parseConfig(readFileSync(path.join(exampleDir, "twotier.yaml"), "utf8"));
  return installerInput(config, await resolveArtifacts(config, folderTree(exampleDir)));
}

/** What `release` makes: a program for any platform. */
export const binaryOf = (version: string) => `#!/bin/sh\necho playground ${version}\n`;
export const sha256 = (text: string | Uint8Array) => createHash("sha256").update(text).digest("hex");

/** Our GitHub registry with releases of the example, small enough for hundreds of installations. */
export async function startWorld(versions: readonly string[], name = repository): Promise<World> {
  const folder = mkdtempSync(path.join(tmpdir(), "twotier-installer-"));
  chmodSync(folder, 0o755);
  const faults = new Map<string, Fault[]>();
  const asked = new Map<string, string[]>();
  const github = await startGithub({
    token: "t",
    // /AT/NAME/... is a server by that name.
    intercept: (request, response) => {
      const [, at = "", rest = "/"] = /^\/at\/([^/]+)(\/.*)$/.exec(request.url ?? "") ?? [];
      if (at === "") return false;
      asked.set(at, [...(asked.get(at) ?? []), rest]);
      const fault = faults.get(at)?.find((one) => one.path.test(rest) && (one.times ?? 1) > 0);
      if (fault) {
        if (fault.times !== undefined) fault.times--;
        fault.answer(response);
        return true;
      }
      passOn(request, response, at, rest);
      return false;
    },
  });
  const api = (method: string, where: string, body?: unknown) =>
    fetch(where.startsWith("http") ? where : `${github.url}${where}`, {
      method,
      body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
      headers: {
        authorization: "Bearer t",
        "content-type": typeof body === "string" ? "application/octet-stream" : "application/json",
      },
    });
  const git = gitIn(path.join(folder), {
    env: { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b" },
  });
  await git(["init", "--quiet", "--initial-branch=main", "repository"]);
  await git(["-C", "repository", "commit", "--quiet", "--allow-empty", "--message=begin"]);
  const remote = github.git.replace("://", "://x:t@");
  await git(["-C", "repository", "push", "--quiet", `${remote}/${name}.git`, "main"]);

  const world: World = {
    folder,
    api,
    github: (at) => `${github.url}/at/${at}`,
    fault(at, fault) {
      const own = { ...fault };
      faults.set(at, [...(faults.get(at) ?? []), own]);
      return () =>
        void faults.set(
          at,
          (faults.get(at) ?? []).filter((one) => one !== own),
        );
    },
    requests: (at) => asked.get(at) ?? [],
    async release(version, options = {}) {
      const binary = options.binary ?? binaryOf(version);
      const asset = `playground-${options.platform ?? "linux-amd64"}`;
      const made = await api("POST", `/repos/${name}/releases`, {
        tag_name: `v${version}`,
        target_commitish: "main",
        prerelease: version.includes("-"),
      });
      const { upload_url } = (await made.json()) as { upload_url: string };
      const upload = async (file: string, text: string) => {
        const answer = await api("POST", `${upload_url.replace(/\{.*/, "")}?name=${file}`, text);
        if (!answer.ok) throw new Error(await answer.text());
      };
      await upload(asset, binary);
      await upload("release.json", `${JSON.stringify({ schema: 1, name: "playground", version }, null, 2)}\n`);
      // Names that an inexact match would take for the asset's.
      const others = [`${"0".repeat(64)}  not-${asset}`, `${"1".repeat(64)}  ${asset}.sig`];
      await upload("checksums.txt", options.checksums ?? `${[...others, `${sha256(binary)}  ${asset}`].join("\n")}\n`);
    },
    async close() {
      await github.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (const version of versions) await world.release(version);
  return world;
}

/** Lets the registry answer, with redirects that stay with the same name. */
function passOn(request: IncomingMessage, response: ServerResponse, at: string, rest: string): void {
  request.url = rest;
  const { writeHead } = response;
  response.writeHead = ((status: number, headers: Record<string, string>) => {
    const { location } = headers ?? {};
    const own = location?.replace(/^(https?:\/\/[^/]+)\//, `$1/at/${at}/`);
    return writeHead.call(response, status, own === undefined ? headers : { ...headers, location: own });
  }) as typeof response.writeHead;
}
