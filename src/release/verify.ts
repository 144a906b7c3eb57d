import { sideBySide } from "../core/apply.ts";
import { retrying } from "../core/retry.ts";
import type { Io, Item, Mark, Target } from "../core/target.ts";
import { asReleaseError } from "../lib/errors.ts";
import { adding } from "./left-out.ts";
import { derivedFiles } from "./manifest.ts";
import { compareText } from "./publish.ts";
import { planRollback } from "./rollback.ts";
import type { Row, Verification } from "./rows.ts";
import type { Session } from "./session.ts";
import { findSubject, type Subject } from "./subject.ts";
import { verifyGit, verifyTrigger } from "./verify-git.ts";
import { verifyProvenance } from "./verify-provenance.ts";

/**
 * Reads a release the way users do and compares it with its manifest: every item's bytes, pointers, marks, tag and
 * commit. A retracted one is compared with what a rollback leaves. Writes nothing; what can't be read is a row too.
 *
 * @param version version or tag
 * @throws ReleaseError USAGE when there is no such release
 */
export async function verify(session: Session, version: string): Promise<{ subject: Subject; result: Verification }> {
  const subject = await findSubject(session, version, true);
  const { release, tier, kind, config } = subject;
  const { io } = session.job();
  const rows = release.retracted
    ? await retractedRows(session, subject)
    : (
        await Promise.all([
          verifyGit(session, subject),
          verifyTrigger(subject, io),
          itemRows(subject, io),
          markRows(subject, io),
          verifyProvenance(subject, io),
          pointerRows(subject, io),
          leftOutRows(subject),
        ])
      ).flat();
  const { name } = config;
  const head = { schema: 1, name, version: subject.version, tag: release.tag, tier, kind } as const;
  return { subject, result: { ...head, retracted: release.retracted, rows } };
}

/** What was left out on purpose is no failure: nobody was promised it. */
function leftOutRows({ leftOut, release }: Subject): Row[] {
  return leftOut.flatMap(({ target, reason, items, unread }) =>
    items.map(({ id }): Row => {
      const text = `was left out: ${reason}${unread === undefined ? "" : ` (now: ${unread})`}`;
      return { target, what: "item", id, state: "skipped", text, remedy: adding(release.tag) };
    }),
  );
}

/** What of a rollback isn't done yet. */
async function retractedRows(session: Session, { version }: Subject): Promise<Row[]> {
  const { steps } = await planRollback(session, { version });
  return steps.map(({ target, id, state, text }): Row => {
    const base = { target, what: "retraction", id } as const;
    if (state === "todo")
      return { ...base, state: "differs", text: `not done yet: ${text}; run twotier rollback ${version}` };
    if (state === "unknown") return { ...base, state, text };
    return { ...base, state: state === "manual" ? "pending" : "ok", text };
  });
}

const boxes: Partial<Record<string, { staging: string; production: string }>> = {
  pypi: {
    staging: "Python prerelease package appears on PyPI",
    production: "Python package appears on PyPI",
  },
  docker: {
    staging: "Docker image tagged staging-X.Y.Z-rc.N",
    production: "Docker image tagged vX.Y.Z and latest",
  },
};

async function itemRows(subject: Subject, io: Io): Promise<Row[]> {
  const rows = new Map<Item, Row>();
  await sideBySide(subject.items, 8, async (item) => {
    const target = subject.targets.find((one) => one.name === item.target);
    rows.set(item, target ? await itemRow(subject, target, item, io) : gone(item));
  });
  const found = subject.items.map((item) => rows.get(item) as Row);
  const { manifest } = subject;
  const list = found.find((row) => row.target === "github" && row.id === "checksums.txt");
  if (!manifest || !list) return found;
  const covered = (derivedFiles(manifest).find((one) => one.file.name === "checksums.txt")?.text ?? "")
    .trim()
    .split("\n");
  const text = list.state === "ok" ? `lists the sha256 of all ${covered.length} other assets` : list.text;
  return [...found, { ...list, what: "checksums", text }];
}

function gone({ target, id }: Item): Row {
  return { target, what: "item", id, state: "unknown", text: `no target ${target} is configured at its source` };
}

async function itemRow(subject: Subject, target: Target, item: Item, io: Io): Promise<Row> {
  const { kind } = subject;
  const box = item.phase === "stage" ? undefined : boxes[item.target]?.[subject.tier];
  const base = { target: item.target, what: "item" as const, id: item.id, ...(box ? { box } : {}) };
  try {
    const seen = await retrying(`verifying ${item.id}`, io, () => target.verify(item, io));
    if (seen.state === "present" || seen.state === "staged") {
      const digest = subject.manifest === null ? undefined : seen.digest;
      if (digest !== undefined && digest !== item.digest) {
        return { ...base, state: "differs", text: "holds other bytes", expected: item.digest, found: digest };
      }
      if (seen.state === "staged") return { ...base, state: "pending", text: "is staged, not public yet" };
      const proven = subject.manifest === null ? "is there" : "the very bytes of the manifest";
      return { ...base, state: "ok", text: seen.note ? `${proven} (${seen.note})` : proven };
    }
    if (seen.state === "pending")
      return { ...base, state: "pending", text: seen.note ?? "accepted, not to be had yet" };
    if (kind === "foreign")
      return { ...base, state: "missing", text: "isn't there; no manifest says whether it should be" };
    const text = seen.state === "retracted" ? `was taken away${seen.note ? `: ${seen.note}` : ""}` : "isn't there";
    return { ...base, state: "missing", text };
  } catch (thrown) {
    return unreadable(base, thrown);
  }
}

/** Yanked and deprecated versions, and GitHub's pre-release flag. */
async function markRows(subject: Subject, io: Io): Promise<Row[]> {
  const rows = await Promise.all(
    subject.targets.map(async (target): Promise<Row[]> => {
      const items = subject.items.filter((item) => item.target === target.name);
      const asked = target.name === "github" ? items.slice(0, 1) : items;
      if (asked.length === 0 || !["npm", "pypi", "github"].includes(target.name)) return [];
      const base = { target: target.name, what: "mark" as const, id: subject.release.tag };
      try {
        const seen = await Promise.all(
          asked.map((item) => retrying(`reading ${item.id}`, io, () => target.observe(item, io))),
        );
        const present = seen.flatMap((one) => (one.state === "present" ? [one] : []));
        if (present.length === 0) return [];
        const marks = new Set<Mark>(present.flatMap((one) => one.marks ?? []));
        return target.name === "github" ? [flagRow(base, subject, marks)] : [badgeRow(base, marks)];
      } catch (thrown) {
        return [unreadable(base, thrown)];
      }
    }),
  );
  return rows.flat();
}

type Base = Pick<Row, "target" | "what" | "id">;

function flagRow(base: Base, { tier }: Subject, marks: ReadonlySet<Mark>): Row {
  const found = marks.has("pre-release") ? "a pre-release" : "a release";
  const expected = tier === "staging" ? "a pre-release" : "a release";
  const box = tier === "staging" ? "GitHub release marked as Pre-release" : "GitHub release NOT marked as Pre-release";
  return { ...base, state: found === expected ? "ok" : "differs", text: `is ${found}`, expected, found, box };
}

function badgeRow(base: Base, marks: ReadonlySet<Mark>): Row {
  const bad = [...marks].filter((mark) => mark === "yanked" || mark === "deprecated");
  return bad.length === 0
    ? { ...base, state: "ok", text: "neither yanked nor deprecated" }
    : { ...base, state: "differs", text: `is ${bad.join(" and ")}, but wasn't taken back by twotier rollback` };
}

/** What the release's pointers select; and, of a candidate, that those of production don't select it. */
async function pointerRows(subject: Subject, io: Io): Promise<Row[]> {
  const { pointers, targets, version, tier, release, config } = subject;
  const read = async (target: Target, name: string) =>
    retrying(`reading ${name}`, io, async () => target.pointers?.read(name, io) ?? null);
  const own = pointers.map(async (pointer): Promise<Row> => {
    const box = pointer.target === "npm" ? `npm install ${pointer.name} gets it` : undefined;
    const base = { target: pointer.target, what: "pointer" as const, id: pointer.name, ...(box ? { box } : {}) };
    const target = targets.find((one) => one.name === pointer.target);
    if (!target) return { ...base, state: "unknown", text: `no target ${pointer.target} is configured at its source` };
    try {
      const at = await read(target, pointer.name);
      if (at === version) return { ...base, state: "ok", text: `is at ${at}` };
      if (at !== null && compareText(at, version) > 0)
        return { ...base, state: "ok", text: `is at ${at}, a later version` };
      const state = release.lock === null ? "differs" : "pending";
      return {
        ...base,
        state,
        text: at === null ? "selects nothing" : `is at ${at}`,
        expected: version,
        found: at ?? "",
      };
    } catch (thrown) {
      return unreadable(base, thrown);
    }
  });
  if (tier === "production") return Promise.all(own);
  const names = new Set(pointers.map((one) => `${one.target} ${one.name}`));
  const files = subject.manifest?.files ?? [];
  const { name, repository } = config;
  const about = { name, repository, tier: "production" as const, version, tag: release.tag, commit: release.commit };
  const stable = targets
    .flatMap((target) => target.expect(files, about).pointers)
    .filter((one) => !names.has(`${one.target} ${one.name}`));
  const others = stable.map(async (pointer): Promise<Row> => {
    const base = { target: pointer.target, what: "pointer" as const, id: pointer.name };
    try {
      const at = await read(targets.find((one) => one.name === pointer.target) as Target, pointer.name);
      const state = at === version ? "differs" : "ok";
      const text =
        at === version ? `is at this candidate` : `is not at this candidate${at === null ? "" : `, but at ${at}`}`;
      return { ...base, state, text };
    } catch (thrown) {
      return unreadable(base, thrown);
    }
  });
  return Promise.all([...own, ...others]);
}

/** @throws ReleaseError INTERRUPTED, when the run was stopped */
function unreadable(base: Base, thrown: unknown): Row {
  const error = asReleaseError(thrown);
  if (error.code === "INTERRUPTED") throw error;
  return { ...base, state: "unknown", text: error.message };
}
