import type { Answer } from "./sink.ts";

/**
 * An answer with wrong digests (documents), or with another byte (all else): what a broken mirror, a bad disk or
 * somebody in between would serve. Its length stays.
 */
export function corrupted({ status, headers, body }: Answer): Answer {
  const type = String(headers["content-type"] ?? "");
  if (/json|html|text/.test(type)) {
    const text = body.toString("utf8").replace(/\b(?:[0-9a-f]{128}|[0-9a-f]{64}|[0-9a-f]{40})\b/g, turned);
    const wrong = text.replace(/(?<=\bsha512-)[A-Za-z0-9+/]{8}/g, (digits) => [...digits].reverse().join(""));
    return { status, headers: withoutChecks(headers), body: Buffer.from(wrong) };
  }
  const bytes = Buffer.from(body);
  if (bytes.length > 0) bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
  return { status, headers: withoutChecks(headers), body: bytes };
}

const turned = (digits: string) => [...digits].reverse().join("");

function withoutChecks(headers: Answer["headers"]): Answer["headers"] {
  const digest = headers["docker-content-digest"];
  const { etag: _, ...rest } = headers;
  return typeof digest === "string"
    ? { ...rest, "docker-content-digest": digest.replace(/[0-9a-f]{64}/, turned) }
    : rest;
}
