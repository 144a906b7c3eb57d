/**
 * The library: what the command line does, for programs. Everything is passed in (Io, credentials, folders); nothing
 * here prints, exits or reads the environment.
 */
export { parseConfig } from "./config/parse.ts";
export { resolveArtifacts } from "./config/resolve.ts";
export type { Config, ResolvedArtifacts } from "./config/types.ts";
export { decodeManifest, encodeManifest, type Manifest, type ReleaseFile } from "./core/manifest.ts";
export type { Change, Plan, ReleaseFlags, Tier } from "./core/plan.ts";
export type { Event, Finding, Io, Item, Pointer, Seen, Target, TargetName } from "./core/target.ts";
export { gitCredentials } from "./git/credentials.ts";
export { type ErrorCode, errorCodes, exitCodeOf, ReleaseError, registerSecret } from "./lib/errors.ts";
export { createHttp, type Http } from "./lib/http.ts";
export { productVersion as version } from "./lib/product.ts";
export { type Rehearsal, type RehearseOptions, rehearse } from "./rehearse/rehearse.ts";
export type { Job, ReleaseResult } from "./release/job.ts";
export { release } from "./release/release.ts";
export { openSession, type Session, type SessionOptions } from "./release/session.ts";
export { type Credentials, createTargets } from "./targets/create.ts";
