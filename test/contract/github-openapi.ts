import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Ajv, type ValidateFunction } from "ajv";
import formats from "ajv-formats";

interface Description {
  paths: Record<string, Record<string, Record<string, object | null>>>;
  schemas: Record<string, SchemaObject>;
}
type SchemaObject = Record<string, unknown>;

/** Statuses that any operation may answer with (GitHub's docs, "Troubleshooting the REST API"), whether it lists them or not. */
const general = new Set([304, 400, 401, 403, 404, 409, 422, 429, 502]);

/**
 * Watches a server and compares each of its answers with GitHub's own description (openapi/github.json):
 * operation, status, required fields, types and formats, and that no field has a name which GitHub doesn't know.
 */
export function openApiCheck(): {
  intercept(request: IncomingMessage, response: ServerResponse): boolean;
  /** What didn't fit, a sentence each. */
  findings: string[];
  /** `get /repos/{owner}/{repo} 200` for each kind of answer that was seen and fitted. */
  seen: Set<string>;
} {
  const description = JSON.parse(readFileSync(new URL("openapi/github.json", import.meta.url), "utf8")) as Description;
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema({ $id: "github", schemas: mended(description.schemas) });
  const validators = new Map<string, ValidateFunction>();
  const validator = (schema: object): ValidateFunction => {
    const text = JSON.stringify(closed(schema)).replaceAll('"#/schemas/', '"github#/schemas/');
    const made = validators.get(text) ?? ajv.compile(JSON.parse(text));
    validators.set(text, made);
    return made;
  };
  const operations = Object.entries(description.paths).map(([path, methods]) => ({
    path,
    methods,
    pattern: new RegExp(`^${path.replace(/\{(ref|path|tag)\}/g, "(?:.+)").replace(/\{\w+\}/g, "[^/]+")}$`),
  }));
  const findings: string[] = [];
  const seen = new Set<string>();

  const judge = (request: IncomingMessage, status: number, type: string, body: string) => {
    const path = (request.url ?? "").replace(/\?.*$/, "").replace(/^\/api\/(v3|uploads)(?=\/)/, "");
    const method = request.method === "HEAD" ? "get" : (request.method ?? "").toLowerCase();
    // Concrete paths come before those with a parameter in their place (`/releases/latest`, `/releases/{release_id}`).
    const operation = operations
      .filter((one) => one.pattern.test(path) && one.methods[method])
      .sort((a, b) => a.path.split("{").length - b.path.split("{").length)[0];
    if (!operation) {
      if (/^\/(repos|user|rate_limit|meta)(\/|$)/.test(path) && status !== 404) {
        findings.push(`${method} ${path} answered ${status}, but the description has no such operation`);
      }
      return;
    }
    const name = `${method} ${operation.path} ${status}`;
    const documented = operation.methods[method] as Record<string, object | null>;
    if (!(status in documented) && !general.has(status)) {
      findings.push(`${name}: GitHub's description doesn't have this status`);
      return;
    }
    if (request.method !== "HEAD" && type.includes("application/json")) {
      const error = { $ref: `#/schemas/${status === 422 ? "validation-error" : "basic-error"}` };
      const check = validator(documented[status] ?? error);
      if (!check(JSON.parse(body))) {
        findings.push(`${name}: ${ajv.errorsText(check.errors)} in ${body.slice(0, 400)}`);
        return;
      }
    } else if (status !== 204 && status !== 304 && request.method !== "HEAD" && documented[status]) {
      if (!/octet-stream|\.sha\b/.test(String(request.headers.accept))) findings.push(`${name}: no JSON but ${type}`);
    }
    seen.add(name);
  };

  return {
    findings,
    seen,
    intercept(request, response) {
      const chunks: Buffer[] = [];
      const end = response.end.bind(response);
      response.end = ((chunk?: unknown, ...rest: unknown[]) => {
        if (typeof chunk === "string" || Buffer.isBuffer(chunk)) chunks.push(Buffer.from(chunk as string));
        return (end as (...args: unknown[]) => ServerResponse)(chunk, ...rest);
      }) as typeof response.end;
      // Headers that are given to writeHead can't be read back from the response.
      let type = "";
      const writeHead = response.writeHead.bind(response);
      response.writeHead = ((status: number, headers?: Record<string, string>) => {
        type = headers?.["content-type"] ?? "";
        return writeHead(status, headers);
      }) as typeof response.writeHead;
      response.on("finish", () => {
        judge(request, response.statusCode, type, Buffer.concat(chunks).toString("utf8"));
      });
      return false;
    },
  };
}

/**
 * The schemas, closed, but for two places where the description is wrong: 422 answers have a "status" too (as basic-error has),
 * and an asset's state can be `starter` (the description's own text of "Upload a release asset", and `gh`, which looks for it).
 */
function mended(schemas: Record<string, SchemaObject>): SchemaObject {
  const all = closed(schemas) as Record<
    string,
    { additionalProperties?: boolean; properties: Record<string, SchemaObject> }
  >;
  delete all["validation-error"]?.additionalProperties;
  const state = all["release-asset"]?.properties.state;
  if (state) state.enum = [...(state.enum as string[]), "starter"];
  return all;
}

/** The schema with unknown fields forbidden, wherever the fields of an object are listed in one place. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const out: SchemaObject = {};
  for (const [key, value] of Object.entries(schema)) out[key] = closed(value);
  const composed = ["allOf", "anyOf", "oneOf", "additionalProperties"].some((key) => key in out);
  if (out.type === "object" && "properties" in out && !composed) out.additionalProperties = false;
  return out;
}
