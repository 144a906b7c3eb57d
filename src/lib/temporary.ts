import { createHash } from "node:crypto";
import { readlinkSync } from "node:fs";
import { lstat, mkdtemp, readdir } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";

/**
 * Makes a folder for as long as something takes. Its name says which process of which machine it is of, so that a
 * later run can take away what a killed one left.
 *
 * @param kind letters and hyphens
 */
export function temporaryFolder(parent: string, kind: string): Promise<string> {
  return mkdtemp(path.join(parent, `${kind}-${machine()}-${process.pid}-`));
}

/** Such folders in `parent`, of this user, whose process is gone. Other machines' are left alone: who knows. */
export async function abandonedFolders(parent: string): Promise<string[]> {
  const name = new RegExp(`^[a-z-]+-${machine()}-(\\d+)-[A-Za-z0-9]{6}$`);
  const found: string[] = [];
  for (const entry of await readdir(parent).catch(() => [])) {
    const pid = Number(name.exec(entry)?.[1] ?? 0);
    if (pid === 0 || runs(pid)) continue;
    const folder = path.join(parent, entry);
    const about = await lstat(folder).catch(() => undefined);
    if (about?.isDirectory() && about.uid === (process.getuid?.() ?? about.uid)) found.push(folder);
  }
  return found;
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, and is somebody else's (kill(2)).
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Where a process id means the same: containers may share a folder and a host's name, but count for themselves (pid_namespaces(7)). */
function machine(): string {
  let namespace = "";
  try {
    namespace = readlinkSync("/proc/self/ns/pid");
  } catch {
    // not Linux
  }
  return createHash("sha256").update(`${hostname()} ${namespace}`).digest("hex").slice(0, 8);
}
