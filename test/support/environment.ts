import { readFileSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const venv = path.resolve(import.meta.dirname, "../../.setup/venv/bin");

/**
 * PATH with the checkout's own Python first. Where `python3` is a version manager's shim, each start of it costs forty
 * processes: a third of what a test's release takes.
 */
export const testPath = [venv, process.env.PATH].join(path.delimiter);

/** Bytes that must be free in memory for it to hold temporary files: several times what all tests leave at once. */
const enough = 4 * 2 ** 30;

/**
 * TMPDIR: memory, where Linux offers enough of it for files that may be run. What a test writes is read within seconds
 * and deleted, and a disk takes a quarter of the time of its releases for that.
 */
export const testTemp = process.env.TMPDIR ?? (memoryIsFit("/dev/shm") ? "/dev/shm" : tmpdir());

function memoryIsFit(folder: string): boolean {
  try {
    const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
    const [, , type, options] = mounts.findLast((line) => line.split(" ")[1] === folder)?.split(" ") ?? [];
    if (type !== "tmpfs" || options?.split(",").includes("noexec")) return false;
    const { bsize, bavail } = statfsSync(folder);
    return bsize * bavail > enough;
  } catch {
    return false; // No Linux.
  }
}
