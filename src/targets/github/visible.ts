import type { Io } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { type Api, hasStatus } from "./api.ts";

/** The JSON of a path; null where it isn't there, or isn't for this token's eyes (GitHub says 404 to both). */
export function readOrNull<T>(api: Api, path: string, io: Io): Promise<T | null> {
  return orNull(async () => (await api.send({ path }, io)).json<T | null>());
}

/** The same for anything that is read. */
export async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (hasStatus(error, 404) || (error instanceof ReleaseError && error.code === "AUTH")) return null;
    throw error;
  }
}
