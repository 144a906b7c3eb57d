import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds that a group has to end by itself. */
const grace = 2000;

const live = new Set<number>();
/** Whoever leaves in a hurry (a second Ctrl-C) leaves no group behind. */
process.on("exit", () => {
  for (const id of live) signalGroup(id, "SIGKILL");
});

/** Remembers a process group that is to end with this process. Its id is the pid of its leader (setpgid(2)). */
export function keepGroup(id: number): void {
  live.add(id);
}

/** Forgets a group whose leader has ended: then its id may become another's. */
export function dropGroup(id: number): void {
  live.delete(id);
}

/** Ends a process group: SIGTERM, and after a grace SIGKILL for what is left of it. */
export async function endGroup(id: number): Promise<void> {
  const until = Date.now() + grace;
  let there = signalGroup(id, "SIGTERM");
  while (there && Date.now() < until) {
    await delay(20);
    there = signalGroup(id, 0);
  }
  if (there) signalGroup(id, "SIGKILL");
  live.delete(id);
}

/** Sends a signal to all of a group, 0 for none; false when nobody is there. */
function signalGroup(id: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-id, signal);
  } catch {
    // ESRCH; on macOS EPERM where only zombies are left.
    return false;
  }
}
