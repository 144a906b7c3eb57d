import type { Io } from "../../src/core/target.ts";
import { gitCredentials } from "../../src/git/credentials.ts";
import { createHttp } from "../../src/lib/http.ts";
import { release } from "../../src/release/release.ts";
import { openSession } from "../../src/release/session.ts";
import { type Credentials, createTargets } from "../../src/targets/create.ts";

/** One `twotier release --tier staging` in a process of its own, against registries of this machine. */
export interface Job {
  dir: string;
  git: string;
  token: string;
  credentials: Credentials;
}

const { dir, git, token, credentials } = JSON.parse(process.argv[2] ?? "{}") as Job;
const client = createHttp();
let built = performance.now();
/** When users had it: everything read back, pointers moved. */
let verified = built;
const io: Io = {
  http: client,
  signal: new AbortController().signal,
  now: () => new Date(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  emit(event) {
    if (event.type === "step" && event.step === "build" && event.state === "done") built = performance.now();
    if (event.type === "pointer" || (event.type === "item" && event.state === "verify")) verified = performance.now();
  },
};
const session = await openSession({
  dir,
  flags: { tier: "staging" },
  io,
  runId: "bench",
  gitEnv: gitCredentials(git, token),
  offlineBuilds: true,
  wait: true,
  claim: true,
  // The same uploads as the other programs make: they know neither Go's tags nor the installers' site.
  skip: (["go", "site"] as const).map((target) => ({ target, reason: "not part of the comparison" })),
  makeTargets: (config, resolved, repository, of) => createTargets(config, resolved, credentials, repository, of),
});
try {
  const { released, manifest } = await release(session.job());
  process.stdout.write(`${JSON.stringify({ released, version: manifest?.version ?? null, ms: verified - built })}\n`);
} finally {
  await session.close();
  client.close();
}
