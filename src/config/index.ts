export { detectArtifacts } from "./detect.ts";
export { expectedFiles } from "./expected.ts";
export { parseConfig, placeOf } from "./parse.ts";
export { resolveArtifacts } from "./resolve.ts";
