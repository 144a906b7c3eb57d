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
