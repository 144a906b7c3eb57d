import type { Artifact } from "./types.ts";

/** Parts of `linux/amd64` or `linux/arm/v7`. */
export function splitPlatform(platform: string): { os: string; arch: string; variant?: string } {
  const [os = "", arch = "", variant] = platform.split("/");
  return variant === undefined ? { os, arch } : { os, arch, variant };
}

/** Asset name of a binary: `playground-linux-amd64`, `playground-linux-armv7`, `playground-windows-amd64.exe`. */
export function binaryName(artifact: string, platform: string): string {
  const { os, arch, variant = "" } = splitPlatform(platform);
  return `${artifact}-${os}-${arch}${variant}${os === "windows" ? ".exe" : ""}`;
}

const system =
  /^-(linux|darwin|windows|freebsd|openbsd|netbsd)-(amd64|arm64|386|arm|riscv64|ppc64le|s390x|loong64)(v\d)?(?:\.exe)?$/;

/** Programs that an artifact makes, by platform: of a command those of its `files` that are called NAME-OS-ARCH. Pure. */
export function binariesOf(artifact: Artifact): ReadonlyMap<string, string> {
  if (artifact.type === "go") {
    return new Map(artifact.platforms.map((platform) => [platform, binaryName(artifact.name, platform)]));
  }
  const made = new Map<string, string>();
  if (artifact.type !== "command") return made;
  for (const file of artifact.files) {
    const name = file.slice(file.lastIndexOf("/") + 1);
    const match = name.startsWith(artifact.name) ? system.exec(name.slice(artifact.name.length)) : null;
    if (match) made.set(match.slice(1).filter(Boolean).join("/"), name);
  }
  return made;
}
