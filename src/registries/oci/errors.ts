import { HttpError } from "../server.ts";

/** Error codes of the OCI distribution specification 1.1, section "Error Codes", with the status each answers with. */
const statusOf = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
} as const;

export type OciErrorCode = keyof typeof statusOf;

/**
 * An answer with the specification's error body.
 *
 * @param status where it isn't the code's usual one (416 for a chunk out of order, 413 for a manifest too big)
 */
export function ociError(
  code: OciErrorCode,
  message: string,
  options: { status?: number; detail?: unknown; headers?: Record<string, string> } = {},
): HttpError {
  const body = { errors: [{ code, message, detail: options.detail ?? null }] };
  return new HttpError(options.status ?? statusOf[code], body, options.headers);
}
