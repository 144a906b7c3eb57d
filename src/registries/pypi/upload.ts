import { createHash } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Form } from "./form.ts";
import type { Index, Project, StoredFile } from "./projects.ts";
import { checkForm, normalizedName, refuse } from "./rules.ts";
import { wheelMetadata } from "./wheel.ts";

const help = "See https://pypi.org/help/#file-name-reuse for more information.";
const day = 24 * 3_600_000;

/**
 * Takes an upload by PyPI's rules (warehouse forklift/legacy.py; registry-facts.md, PyPI).
 * Resolves when it is stored, or was there with the same bytes.
 *
 * @param checkRight throws where the credential isn't for this project
 *
 * @throws HttpError 400 and 403 with Warehouse's words
 */
export async function takeUpload(
  index: Index,
  form: Form,
  user: string,
  now: Date,
  checkRight: (project: string) => void,
): Promise<void> {
  const upload = checkForm(form);
  const content = form.content as NonNullable<Form["content"]>;
  const { name, version, filename } = upload;
  const known = index.get(name);
  checkRight(name);
  if (known && known.owner !== user) {
    throw refuse(
      403,
      `The user '${user}' isn't allowed to upload to project '${known.name}'. See https://pypi.org/help/#project-name for more information.`,
    );
  }
  if (isThere(index, known, filename, content.sha256)) return;
  const release = known?.releases[version];
  if (known?.spent.includes(filename)) {
    throw refuse(
      400,
      `This filename was previously used by a file that has since been deleted. Use a different version. ${help}`,
    );
  }
  if (release && now.getTime() - Date.parse(release.created) > 14 * day) {
    throw refuse(
      400,
      "Uploading new files to releases older than 14 days is not allowed. Create a new release instead.",
    );
  }
  if (upload.filetype === "sdist" && release?.files.some((file) => file.filetype === "sdist")) {
    throw refuse(400, "Only one sdist may be uploaded per release.");
  }
  const stored: StoredFile = {
    ...{ filename, size: content.size, sha256: content.sha256, md5: content.md5 },
    ...{ filetype: upload.filetype, pyversion: upload.pyversion, uploaded: now.toISOString() },
    requiresPython: upload.metadata.requires_python as string | undefined,
  };
  const home = index.pathOf(content.sha256, filename);
  await mkdir(path.dirname(home), { recursive: true });
  if (upload.filetype === "bdist_wheel") {
    const metadata = await wheelMetadata(content.path);
    if (!metadata) {
      const folder = `${filename.split("-").slice(0, 2).join("-")}.dist-info`;
      throw refuse(400, `Wheel '${filename}' does not contain the required METADATA file: ${folder}/METADATA`);
    }
    stored.metadataSha256 = createHash("sha256").update(metadata).digest("hex");
    await writeFile(`${home}.metadata`, metadata);
  }
  await rename(content.path, home);
  await index.change(name, user, (project) => {
    if (isThere(index, project, filename, content.sha256)) return project;
    const before = project.releases[version];
    const { metadata } = upload;
    const created = before?.created ?? stored.uploaded;
    const one = {
      created,
      metadata: before?.metadata ?? metadata,
      files: [...(before?.files ?? []), stored],
      yanked: before?.yanked ?? null,
    };
    return { ...project, releases: { ...project.releases, [version]: one } };
  });
}

/** True when exactly this file is there; refuses its name with other bytes, and its bytes under another name. */
function isThere(index: Index, project: Project | undefined, filename: string, sha256: string): boolean {
  const files = Object.values(project?.releases ?? {}).flatMap((release) => release.files);
  const namesake = files.find((file) => file.filename === filename);
  const twin = namesake ?? index.fileWith(sha256);
  if (!twin) return false;
  if (twin.filename === filename && twin.sha256 === sha256) return true;
  throw refuse(400, `File already exists ('${twin.filename}', with sha256 hash '${twin.sha256}'). ${help}`);
}

/** Deletes files (all of a release's where `filename` is left out); their names are spent. */
export async function deleteFiles(index: Index, name: string, version: string, filename?: string): Promise<void> {
  const project = index.get(name);
  const release = project?.releases[version];
  if (!project || !release) throw new Error(`no release ${normalizedName(name)} ${version}`);
  const gone = release.files.filter((file) => filename === undefined || file.filename === filename);
  await index.change(name, project.owner, (known) => {
    const left = release.files.filter((file) => !gone.includes(file));
    const { [version]: _, ...others } = known.releases;
    const releases = left.length > 0 ? { ...known.releases, [version]: { ...release, files: left } } : others;
    return { ...known, releases, spent: [...known.spent, ...gone.map((file) => file.filename)] };
  });
  for (const file of gone) await rm(index.pathOf(file.sha256, file.filename), { force: true });
}
