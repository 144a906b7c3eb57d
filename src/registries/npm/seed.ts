import { gzipSync } from "node:zlib";

/** A version that is there from the beginning. */
export interface SeedPackage {
  name: string;
  version: string;
  /** dist-tags besides `latest`, which the first version gets. */
  tags?: string[];
  /** Its bytes; left out: a tarball that holds just a package.json. */
  tarball?: Buffer;
  /** More of package.json. */
  manifest?: Record<string, unknown>;
  publishedAt?: Date;
  /** Somebody else. Default: whom the tokens belong to. */
  owner?: string;
  /** Times it was downloaded (npm's unpublish rules). Default 0. */
  downloads?: number;
}

/** An npm tarball with nothing but package.json in it. */
export function seedTarball(manifest: object): Buffer {
  const body = Buffer.from(JSON.stringify(manifest, null, 2));
  const header = Buffer.alloc(512); // ustar (POSIX.1-1988): name, mode, uid, gid, size, mtime, checksum, type, magic
  header.write("package/package.json", 0);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${body.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write(`${(499162500).toString(8).padStart(11, "0")}\0`, 136); // the date npm pack gives every file
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((512 - (body.length % 512)) % 512);
  return gzipSync(Buffer.concat([header, body, padding, Buffer.alloc(1024)]), { level: 9 });
}
