import type { Io } from "../../core/target.ts";
import { ReleaseError } from "../../lib/errors.ts";
import { type Api, hasStatus } from "./api.ts";

/** The JSON of a path; null where it isn't there, or isn't for this token's eyes (GitHub says 404 to both). */
export async function readOrNull<T>(api: Api, path: string, io: Io): Promise<T | null> {
  try {
    return await (await api.send({ path }, io)).json<T | null>();
  } catch (error) {
    if (hasStatus(error, 404) || (error instanceof ReleaseError && error.code === "AUTH")) return null;
    throw error;
  }
}
