import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Running, startServer } from "../../test/contract/servers.ts";
import { tool } from "../../test/tools.ts";
import { run } from "../measure.ts";
import { layout, randomFile, tarball, wheel } from "./files.ts";
import type { Job } from "./worker.ts";

/** Milliseconds of an upload, and bytes of memory at the peak (0 where it isn't measured). */
export interface Measured {
  ms: number;
  peak: number;
}

export interface Case {
  name: string;
  against: string;
  /** Speed as a multiple of theirs, at least; peak memory in 10^6 bytes, less than. */
  goals: { ratio: number; peakMegabytes: number };
  /** Why it can't run on this machine. */
  missing(): string | undefined;
  /** @param worker worker.ts, bundled as the product is */
  prepare(folder: string, small: boolean, worker: string): Promise<Prepared>;
}

export interface Prepared {
  bytes: number;
  ours(round: number): Promise<Measured>;
  theirs(round: number): Promise<Measured>;
  close(): Promise<void>;
}

const here = import.meta.dirname;
const mebibyte = 1 << 20;

/** One upload in a process of its own. Its own clock leaves the start of Node out; `wall` doesn't. */
async function work(worker: string, job: Job): Promise<Measured & { wall: number }> {
  const { ms: wall, stdout } = await run(process.execPath, [worker, JSON.stringify(job)]);
  return { ...(JSON.parse(stdout) as Measured), wall };
}

/** With the start of the process: against programs, of which nothing else is known. */
async function workAsProgram(worker: string, job: Job): Promise<Measured> {
  const { peak, wall } = await work(worker, job);
  return { peak, ms: wall };
}

async function startSink(): Promise<{ url: string; close(): Promise<void> }> {
  const child = spawn(process.execPath, [path.join(here, "sink.ts")], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return {
    url: line.toString().trim(),
    async close() {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}

function streamCase(name: "asset" | "wheel", make: (folder: string, bytes: number) => Promise<Job>): Case {
  return {
    name,
    against: "Node's http, the file alone",
    goals: { ratio: 0.8, peakMegabytes: 150 },
    missing: () => undefined,
    async prepare(folder, small, worker) {
      await mkdir(folder, { recursive: true });
      const bytes = (small ? 16 : 1024) * mebibyte;
      const job = await make(folder, bytes);
      const sink = await startSink();
      return {
        bytes,
        ours: () => work(worker, { ...job, url: sink.url }),
        theirs: () => work(worker, { ...job, kind: "stream", url: sink.url }),
        close: sink.close,
      };
    },
  };
}

function programs(...names: Parameters<typeof tool>[0][]): () => string | undefined {
  return () => {
    const absent = names.filter((name) => tool(name) === undefined);
    return absent.length > 0 ? `${absent.join(", ")} missing; \`make test\` gets it` : undefined;
  };
}

const asset = streamCase("asset", async (folder, bytes) => {
  const file = path.join(folder, "asset");
  await randomFile(file, bytes);
  return { kind: "asset", url: "", file, digest: `sha256:${"0".repeat(64)}` };
});

const wheels = streamCase("wheel", async (folder, bytes) => {
  const { file, digest } = await wheel(folder, bytes);
  return { kind: "wheel", url: "", file, digest };
});

/** Five layers into Debian's docker-registry, which is new and empty each time. */
const image: Case = {
  name: "image",
  against: "skopeo copy",
  goals: { ratio: 1.2, peakMegabytes: 150 },
  missing: programs("skopeo", "docker-registry"),
  async prepare(folder, small, worker) {
    await mkdir(folder, { recursive: true });
    const size = (small ? 1 : 40) * 1_000_000;
    const dir = path.join(folder, "layout");
    const digest = await layout(dir, 5, size);
    const withRegistry = async (use: (registry: Running) => Promise<Measured>): Promise<Measured> => {
      const storage = path.join(folder, "storage");
      const config = path.join(folder, "registry.yaml");
      const settings = (port: number) => `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${storage} } }
http: { addr: "127.0.0.1:${port}" }
`;
      const registry = await startServer({
        file: tool("docker-registry") as string,
        args: (port) => {
          writeFileSync(config, settings(port));
          return ["serve", config];
        },
        cwd: folder,
        ready: "/v2/",
      });
      try {
        return await use(registry);
      } finally {
        await registry.close();
        await rm(storage, { recursive: true, force: true });
      }
    };
    return {
      bytes: 5 * size,
      ours: () => withRegistry(({ url }) => workAsProgram(worker, { kind: "image", url, file: dir, digest })),
      theirs: () =>
        withRegistry(async ({ host }) => {
          const to = `docker://${host}/bench/image:v1.0.0`;
          const args = ["copy", "--quiet", "--all", "--dest-tls-verify=false", `oci:${dir}`, to];
          const { ms } = await run(tool("skopeo") as string, args);
          return { ms, peak: 0 };
        }),
      close: async () => {},
    };
  },
};

/** An npm tarball into Verdaccio, whose storage is put back to empty each time. */
const tarballs: Case = {
  name: "tarball",
  against: "npm publish",
  goals: { ratio: 3, peakMegabytes: 150 },
  missing: programs("npm", "verdaccio"),
  async prepare(folder, small, worker) {
    await mkdir(folder, { recursive: true });
    const size = (small ? 1 : 50) * 1_000_000;
    const { file, digest } = await tarball(folder, size);
    const config = path.join(folder, "verdaccio.yaml");
    const rules = "{ access: $all, publish: $authenticated, unpublish: $authenticated }";
    await writeFile(
      config,
      `storage: ./storage
auth: { htpasswd: { file: ./htpasswd, algorithm: sha1 } }
uplinks: {}
packages: { '**': ${rules} }
max_body_size: 500mb
log: { type: stdout, format: json, level: error }
`,
    );
    const verdaccio = await startServer({
      file: process.execPath,
      args: (port) => [tool("verdaccio") as string, "--config", config, "--listen", `127.0.0.1:${port}`],
      cwd: folder,
      ready: "/-/ping",
    });
    const response = await fetch(`${verdaccio.url}/-/user/org.couchdb.user:bench`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "bench", password: "a-long-password", type: "user", roles: [] }),
    });
    const { token } = (await response.json()) as { token: string };
    const npmrc = path.join(folder, "npmrc");
    await writeFile(npmrc, `registry=${verdaccio.url}/\n//${verdaccio.host}/:_authToken=${token}\n`);
    // A version is taken once: what was published is taken away behind Verdaccio's back.
    const empty = path.join(folder, "storage/bench-package");
    const emptied = async <T>(use: () => Promise<T>): Promise<T> => {
      await rm(empty, { recursive: true, force: true });
      return await use();
    };
    return {
      bytes: size,
      ours: () => emptied(() => workAsProgram(worker, { kind: "tarball", url: verdaccio.url, file, digest, token })),
      theirs: () =>
        emptied(async () => {
          const env = { npm_config_userconfig: npmrc, npm_config_cache: path.join(folder, "cache") };
          const { ms } = await run(tool("npm") as string, ["publish", file, "--silent"], { cwd: folder, env });
          return { ms, peak: 0 };
        }),
      close: verdaccio.close,
    };
  },
};

export const cases: readonly Case[] = [asset, wheels, image, tarballs];
