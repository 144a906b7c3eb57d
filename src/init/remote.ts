import type { Remote } from "./types.ts";

/**
 * Reads a remote's address: `https://HOST/OWNER/NAME.git`, `ssh://git@HOST:22/OWNER/NAME`, `git@HOST:OWNER/NAME.git`
 * (git-clone(1), "GIT URLS"). Groups in groups, as GitLab has them, are all part of the owner.
 *
 * @returns null for a path on this machine, or an address without owner and name
 */
export function parseRemote(url: string): Remote | null {
  const scp = /^(?:[^@/\s]+@)?([A-Za-z0-9.-]+|\[[0-9a-f:]+\]):(?!\/\/)(.+)$/i.exec(url.trim());
  const full = /^(?:https?|ssh|git(?:\+ssh)?):\/\/(?:[^@/\s]*@)?(\[[0-9a-f:]+\]|[A-Za-z0-9.-]+)(?::\d+)?\/(.+)$/i.exec(
    url.trim(),
  );
  const [, host, path] = full ?? scp ?? [];
  // C:\folder and C:/folder are paths of Windows.
  if (host === undefined || path === undefined || host.length === 1) return null;
  const parts = path
    .replace(/[?#].*$/, "")
    .replace(/\/+$/, "")
    .replace(/\.git$/, "")
    .split("/")
    .filter(Boolean);
  const name = parts.pop();
  if (name === undefined || parts.length === 0) return null;
  return { host: host.toLowerCase(), owner: parts.join("/"), name, provider: providerOf(host) };
}

function providerOf(host: string): Remote["provider"] {
  if (/(?:^|\.)github\./i.test(host)) return "github";
  return /(?:^|\.)gitlab\./i.test(host) ? "gitlab" : "other";
}
