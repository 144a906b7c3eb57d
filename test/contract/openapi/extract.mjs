// Makes github.json: the part of GitHub's OpenAPI description that says how the answers look which our server gives.
//
//   npm pack @octokit/openapi@23.0.2      (28 MB; MIT; nothing of it is installed here)
//   tar xzf octokit-openapi-23.0.2.tgz package/generated/api.github.com.json
//   node extract.mjs package/generated/api.github.com.json
//
// Kept: for each operation below, its answers' statuses and JSON schemas, and the components they refer to. Left out:
// requests, examples and descriptions. OpenAPI 3.0's `nullable` becomes JSON Schema's `null`, so that a plain
// validator can be used (https://spec.openapis.org/oas/v3.0.3#schema-object).
import { readFileSync, writeFileSync } from "node:fs";

const operations = {
  "/rate_limit": ["get"],
  "/meta": ["get"],
  "/user": ["get"],
  "/repos/{owner}/{repo}": ["get"],
  "/repos/{owner}/{repo}/tags": ["get"],
  "/repos/{owner}/{repo}/branches": ["get"],
  "/repos/{owner}/{repo}/branches/{branch}/protection": ["get"],
  "/repos/{owner}/{repo}/immutable-releases": ["get", "put", "delete"],
  "/repos/{owner}/{repo}/releases": ["get", "post"],
  "/repos/{owner}/{repo}/releases/generate-notes": ["post"],
  "/repos/{owner}/{repo}/releases/latest": ["get"],
  "/repos/{owner}/{repo}/releases/tags/{tag}": ["get"],
  "/repos/{owner}/{repo}/releases/assets/{asset_id}": ["get", "patch", "delete"],
  "/repos/{owner}/{repo}/releases/{release_id}": ["get", "patch", "delete"],
  "/repos/{owner}/{repo}/releases/{release_id}/assets": ["get", "post"],
  "/repos/{owner}/{repo}/git/matching-refs/{ref}": ["get"],
  "/repos/{owner}/{repo}/git/ref/{ref}": ["get"],
  "/repos/{owner}/{repo}/git/refs": ["post"],
  "/repos/{owner}/{repo}/git/refs/{ref}": ["patch", "delete"],
  "/repos/{owner}/{repo}/git/tags": ["post"],
  "/repos/{owner}/{repo}/git/tags/{tag_sha}": ["get"],
  "/repos/{owner}/{repo}/git/commits/{commit_sha}": ["get"],
  "/repos/{owner}/{repo}/commits": ["get"],
  "/repos/{owner}/{repo}/commits/{ref}": ["get"],
  "/repos/{owner}/{repo}/contents/{path}": ["get"],
};

const source = JSON.parse(readFileSync(process.argv[2], "utf8"));
const schemas = {};

function lookUp(ref) {
  return ref
    .slice(2)
    .split("/")
    .reduce((at, key) => at[key], source);
}

function convert(schema) {
  if (typeof schema !== "object" || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map(convert);
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.split("/").pop();
    if (!(name in schemas)) {
      schemas[name] = null; // begun: components refer to each other
      schemas[name] = convert(lookUp(schema.$ref));
    }
    return { $ref: `#/schemas/${name}` };
  }
  const out = {};
  for (const [key, value] of Object.entries(schema)) {
    if (["description", "example", "examples", "title", "deprecated", "externalDocs", "default"].includes(key)) continue;
    if (key === "nullable" || key.startsWith("x-")) continue;
    if (key === "properties") {
      out.properties = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, convert(one)]));
    } else out[key] = key === "enum" || key === "required" ? value : convert(value);
  }
  if (schema.nullable !== true) return out;
  return { anyOf: [out, { type: "null" }] };
}

const paths = {};
for (const [path, methods] of Object.entries(operations)) {
  paths[path] = {};
  for (const method of methods) {
    const responses = {};
    for (const [status, given] of Object.entries(source.paths[path][method].responses)) {
      const response = given.$ref ? lookUp(given.$ref) : given;
      const schema = response.content?.["application/json"]?.schema;
      responses[status] = schema ? convert(schema) : null;
    }
    paths[path][method] = responses;
  }
}

const file = new URL("github.json", import.meta.url);
const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
const result = { source: `@octokit/openapi, api.github.com ${source.info.version}`, paths, schemas: sorted };
writeFileSync(file, `${JSON.stringify(result)}\n`);
