import type { ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpError, readBody, send } from "../server.ts";
import type { Repository, Store } from "./store.ts";

/** Who asks: whoever shows a credential; anonymous requests have none. */
export interface Auth {
  token: string;
  login: string;
  readOnly: boolean;
}

/** One request, with all that answers need. */
export interface Context {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  /** Percent-decoded segments of the path that the route named. */
  params: Record<string, string>;
  /** Base of web addresses, `http://127.0.0.1:PORT` */
  web: string;
  /** Base of API addresses: like `web`, or with `/api/v3` as GitHub Enterprise Server has it. */
  api: string;
  auth: Auth | null;
  store: Store;
  rate: Record<string, string>;
  now(): Date;
  createRepository(owner: string, name: string): Promise<Repository>;
  /** Milliseconds until a new release turns up in listings. */
  listLag: number;
  /** Programs at work; they are ended before the state folder goes. */
  children: Set<ChildProcess>;
}

/** One finding in a 422 answer (GitHub's docs, "Client errors"). */
export interface FieldError {
  resource: string;
  code: "missing" | "missing_field" | "invalid" | "already_exists" | "unprocessable" | "custom";
  field?: string;
  message?: string;
  value?: string;
}

const docs = "https://docs.github.com/rest";

/** An error answer in GitHub's form. */
export function apiError(status: number, message: string, errors?: FieldError[]): HttpError {
  return new HttpError(status, {
    message,
    ...(errors ? { errors } : {}),
    documentation_url: docs,
    status: String(status),
  });
}

/** 422 with its findings. */
export function invalid(...errors: FieldError[]): HttpError {
  return apiError(422, "Validation Failed", errors);
}

export function notFound(): HttpError {
  return apiError(404, "Not Found");
}

/** @throws HttpError 404 as GitHub gives it for what isn't there or isn't to be seen. */
export function repositoryOf(context: Context): Repository {
  const repository = context.store.get(context.params.owner ?? "", context.params.repo ?? "");
  if (!repository || (repository.data.private && !context.auth)) throw notFound();
  return repository;
}

/** For web addresses: a private repository's want a browser's session, which a token is not. */
export function publicRepositoryOf(context: Context): Repository {
  const repository = repositoryOf(context);
  if (repository.data.private) throw notFound();
  return repository;
}

/** True where the asker may see drafts and write. */
export function mayWrite(context: Context): boolean {
  return context.auth !== null && !context.auth.readOnly;
}

/** @throws HttpError 401 without a credential, 403 for one that may only read. */
export function requireWrite(context: Context): void {
  if (!context.auth) throw apiError(401, "Requires authentication");
  if (context.auth.readOnly) throw apiError(403, "Resource not accessible by personal access token");
}

/** Answers with JSON and GitHub's headers; 304 where the asker has the same already. */
export function reply(context: Context, status: number, body?: unknown, headers: Record<string, string> = {}): void {
  const all: Record<string, string> = { ...standardHeaders(context), ...headers };
  const { method } = context.request;
  if (status === 200 && body !== undefined && (method === "GET" || method === "HEAD")) {
    all.etag = `W/"${createHash("sha256").update(JSON.stringify(body)).digest("hex")}"`;
    all["cache-control"] = context.auth ? "private, max-age=60, s-maxage=60" : "public, max-age=60, s-maxage=60";
    if (String(context.request.headers["if-none-match"] ?? "").includes(all.etag)) {
      send(context.response, 304, undefined, all);
      return;
    }
  }
  send(context.response, status, body, all);
}

/** Headers of every API answer, errors included. */
export function standardHeaders(context: Context): Record<string, string> {
  return {
    "x-github-media-type": "github.v3; format=json",
    "x-github-api-version-selected": "2022-11-28",
    "x-github-request-id": randomBytes(8).toString("hex").toUpperCase(),
    ...(context.auth ? { "x-oauth-scopes": context.auth.readOnly ? "" : "repo, workflow" } : {}),
    ...context.rate,
  };
}

/** Cuts a list into the asked page (`per_page` at most 100, default 30) and says where the others are (RFC 8288). */
export function page<T>(context: Context, all: readonly T[]): { items: T[]; headers: Record<string, string> } {
  const { searchParams } = context.url;
  const size = clamp(searchParams.get("per_page"), 30, 100);
  const current = clamp(searchParams.get("page"), 1, 1_000_000);
  const last = Math.max(1, Math.ceil(all.length / size));
  const links: string[] = [];
  const link = (to: number, rel: string) => {
    const url = new URL(`${context.web}${context.url.pathname}${context.url.search}`);
    url.searchParams.set("page", String(to));
    links.push(`<${url.href}>; rel="${rel}"`);
  };
  if (current > 1) link(current - 1, "prev");
  if (current < last) link(current + 1, "next");
  if (current < last) link(last, "last");
  if (current > 1) link(1, "first");
  return {
    items: all.slice((current - 1) * size, current * size),
    headers: links.length > 0 ? { link: links.join(", ") } : {},
  };
}

function clamp(text: string | null, otherwise: number, max: number): number {
  const value = Number.parseInt(text ?? "", 10);
  return Number.isNaN(value) || value < 1 ? otherwise : Math.min(value, max);
}

/** What a JSON body's keys must be. */
export type Shape = Record<string, "string" | "boolean" | "text" | readonly string[]>;

/**
 * Reads a JSON object and checks the known keys; others are ignored, as GitHub does. `text` is a string or null.
 *
 * @throws HttpError 400 for what isn't a JSON object, 422 for a wrong type.
 */
export async function jsonBody(context: Context, shape: Shape): Promise<Record<string, unknown>> {
  const raw = (await readBody(context.request, 4 << 20)).toString("utf8");
  let value: unknown;
  try {
    value = raw.trim() === "" ? {} : JSON.parse(raw);
  } catch {
    throw apiError(400, "Problems parsing JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw apiError(400, "Body should be a JSON object");
  }
  const body = value as Record<string, unknown>;
  for (const [key, kind] of Object.entries(shape)) {
    const given = body[key];
    if (given === undefined || (kind === "text" && given === null)) continue;
    const wanted = kind === "text" ? "string" : kind;
    const fits = typeof wanted === "string" ? typeof given === wanted : wanted.includes(given as string);
    if (!fits) {
      const shown = JSON.stringify(given);
      const reason = typeof wanted === "string" ? `is not a ${wanted}` : `is not one of ${wanted.join(", ")}`;
      throw apiError(422, `Invalid request.\n\nFor 'properties/${key}', ${shown} ${reason}.`);
    }
  }
  return body;
}

/** @throws HttpError 422 in GitHub's words when a key that must be there isn't. */
export function requireKeys(body: Record<string, unknown>, ...keys: string[]): void {
  const missing = keys.filter((key) => body[key] === undefined);
  if (missing.length === 0) return;
  throw apiError(422, `Invalid request.\n\n${missing.map((key) => `"${key}" wasn't supplied.`).join("\n")}`);
}
