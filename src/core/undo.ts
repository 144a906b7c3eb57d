import { asReleaseError, type ReleaseError } from "../lib/errors.ts";
import { sideBySide } from "./apply.ts";
import { retrying } from "./retry.ts";
import type { Io, Pointer, Retracted, Target, TargetName, UndoAction } from "./target.ts";
import { targetOf } from "./world.ts";

/** A pointer of the release that is taken back. */
export interface UndoPointer {
  pointer: Pointer;
  /** Version that it selects now; null where it doesn't exist. */
  at: string | null;
  /** What it is to select instead; null where no other version can be selected. */
  back: Pointer | null;
  /** Whether its registry lets it go altogether. */
  removable: boolean;
  /** Why it, or what it could select instead, couldn't be read. */
  unread?: ReleaseError;
}

/** What is there of a release that is taken back, read at one time. */
export interface UndoFacts {
  about: Retracted;
  /** `refs/twotier/retracted/vX` is on the remote. */
  marked: boolean;
  /** Its lock is there: it isn't complete. */
  locked: boolean;
  pointers: readonly UndoPointer[];
  actions: readonly UndoAction[];
  /** Git tags that are to go, with where they are; empty unless that was asked. */
  tags: readonly { name: string; remote: boolean; local: boolean }[];
  /** True where the version to go back to was named: then pointers below the release move to it, too. */
  named: boolean;
}

/** One step of a rollback, in the states of UndoAction. */
export interface UndoStep {
  do: "mark" | "point" | "unpoint" | "undo" | "delete-tag";
  target: TargetName | "git";
  id: string;
  state: UndoAction["state"];
  text: string;
  /** point: what is written. */
  pointer?: Pointer;
  /** undo: what the target does. */
  action?: UndoAction;
}

/**
 * What is left to do to take a release back, in order: say so for good, lead users elsewhere, take back what can be
 * taken back, tags last. Pure; what is done already is listed as done.
 *
 * @param compareVersions < 0 when the first is lower
 * @see two-tier.md, "Commands" (rollback)
 */
export function undo(facts: UndoFacts, compareVersions: (a: string, b: string) => number): UndoStep[] {
  const { about, marked, locked } = facts;
  const ref = `refs/twotier/retracted/${about.tag}`;
  const steps: UndoStep[] = [
    marked && !locked
      ? { do: "mark", target: "git", id: ref, state: "done", text: "is there: the version is used up for good" }
      : {
          do: "mark",
          target: "git",
          id: ref,
          state: "todo",
          text: `push it: ${about.version} is never resumed, promoted or pointed at again${locked ? "; its lock goes" : ""}`,
        },
  ];
  for (const one of facts.pointers) steps.push(pointerStep(one, facts, compareVersions));
  for (const action of facts.actions) {
    const { target, id, state, text } = action;
    steps.push({ do: "undo", target, id, state, text, action });
  }
  for (const { name, remote, local } of facts.tags) {
    const where = [...(remote ? ["on the remote"] : []), ...(local ? ["here"] : [])].join(" and ");
    const gone: Pick<UndoStep, "state" | "text"> = { state: "done", text: "is deleted; the number stays spent" };
    const there: Pick<UndoStep, "state" | "text"> = {
      state: "todo",
      text: `delete it ${where}; the number stays spent`,
    };
    steps.push({ do: "delete-tag", target: "git", id: name, ...(where === "" ? gone : there) });
  }
  return steps;
}

function pointerStep(
  { pointer, at, back, removable, unread }: UndoPointer,
  { about, named }: UndoFacts,
  compareVersions: (a: string, b: string) => number,
): UndoStep {
  const { target, name } = pointer;
  const step = (state: UndoStep["state"], text: string): UndoStep => ({ do: "point", target, id: name, state, text });
  if (unread) return step("unknown", `couldn't be read: ${unread.message}`);
  if (at === null) return step("done", "selects nothing");
  const order = compareVersions(at, about.version);
  if (order > 0) return step("done", `is at ${at}, a later version`);
  const wanted = named && back !== null && at !== back.version;
  if (order < 0 && !wanted) return step("done", `is at ${at}`);
  if (back !== null) return { ...step("todo", `move it from ${at} back to ${back.version}`), pointer: back };
  if (removable) return { ...step("todo", "take it away: there is no other version for it"), do: "unpoint" };
  return step("kept", `stays at ${at}: there is no other version for it, and it can't be taken away`);
}

/** A step that failed. */
export interface UndoFailure {
  step: UndoStep;
  error: ReleaseError;
}

export interface UndoTools {
  targets: readonly Target[];
  about: Retracted;
  io: Io;
  /** Pushes the ref that says it is taken back. */
  mark(): Promise<void>;
  deleteTag(name: string): Promise<void>;
}

/**
 * Does the steps whose state is `todo`. Without the mark nothing else is done; of the others, one that fails doesn't
 * keep the rest from being done. What became of them is for the caller to read.
 *
 * @throws ReleaseError when the mark can't be pushed, or the run is stopped
 */
export async function applyUndo(steps: readonly UndoStep[], tools: UndoTools): Promise<UndoFailure[]> {
  const failures: UndoFailure[] = [];
  const todo = steps.filter((step) => step.state === "todo");
  const group = async (kinds: readonly UndoStep["do"][]) => {
    await sideBySide(
      todo.filter((step) => kinds.includes(step.do)),
      8,
      async (step) => {
        try {
          // Pushes are read back and tried again where they are made.
          if (step.target === "git") await perform(step, tools);
          else await retrying(`${step.target} ${step.id}`, tools.io, () => perform(step, tools));
        } catch (thrown) {
          const error = asReleaseError(thrown);
          if (error.code === "INTERRUPTED" || step.do === "mark") throw error;
          failures.push({ step, error });
        }
      },
    );
  };
  await group(["mark"]);
  await group(["point", "unpoint"]);
  await group(["undo"]);
  await group(["delete-tag"]);
  return failures;
}

async function perform(step: UndoStep, { targets, about, io, mark, deleteTag }: UndoTools): Promise<void> {
  if (step.do === "mark") return mark();
  if (step.do === "delete-tag") return deleteTag(step.id);
  const target = targetOf(targets, step.target);
  if (step.do === "undo") return target.undo?.run(step.action as UndoAction, about, io);
  if (step.do === "unpoint") return target.pointers?.remove?.(step.id, io);
  return target.pointers?.write(step.pointer as Pointer, io);
}
