import type { Event } from "../../core/target.ts";
import { bytes, type Style, safe, seconds, styleFor } from "./style.ts";

/** Shows what a run does, on stderr: live lines on a terminal, plain lines elsewhere, groups on GitHub Actions. */
export interface Reporter {
  event(event: Event): void;
  /** A line of its own, between the others. */
  line(text: string): void;
  /** Takes the live lines away. */
  end(): void;
}

export interface ReporterOptions {
  stream: NodeJS.WriteStream;
  /** github: `::group::` around tools' output */
  kind: "live" | "plain" | "github" | "silent";
  verbose: boolean;
  now?: () => number;
}

interface Transfer {
  id: string;
  target: string;
  sent: number;
  total: number;
  since: number;
}

/** A reporter for the stream. */
export function createReporter(options: ReporterOptions): Reporter {
  if (options.kind === "silent") return { event() {}, line() {}, end() {} };
  const { stream } = options;
  const now = options.now ?? Date.now;
  const style = styleFor(stream);
  const live = options.kind === "live" ? liveArea(stream, style, now) : undefined;
  const steps = new Map<string, number>();
  /** When a log was told last what is waited for: once a minute is enough. */
  const waits = new Map<string, number>();
  let group = false;

  const print = (text: string) => {
    if (live) live.print(text);
    else stream.write(`${text}\n`);
  };
  /** On a terminal a step stays on one line. */
  const fit = (detail: string, used: number) => {
    const room = Math.max(20, (stream.columns ?? 80) - used - 16);
    return live && detail.length > room ? `${detail.slice(0, room - 1)}…` : detail;
  };
  const closeGroup = () => {
    if (group) stream.write("::endgroup::\n");
    group = false;
  };

  return {
    line: print,
    end() {
      closeGroup();
      live?.clear();
    },
    event(event) {
      switch (event.type) {
        case "step": {
          if (event.state === "start") {
            steps.set(event.step, now());
            live?.step(event.step, event.detail);
            if (options.kind === "github") {
              closeGroup();
              stream.write(`::group::${safe(event.step)}\n`);
              group = true;
            } else if (!live) print(`${style.dim("…")} ${safe(event.step)}`);
            return;
          }
          live?.stepDone(event.step);
          closeGroup();
          const took = (now() - (steps.get(event.step) ?? now())) / 1000;
          const mark = event.state === "done" ? style.green("✓") : style.dim("–");
          const detail = event.detail ? ` ${style.dim(fit(safe(event.detail), event.step.length))}` : "";
          print(`${mark} ${safe(event.step)}${detail}${took >= 0.95 ? style.dim(`, ${seconds(took)}`) : ""}`);
          return;
        }
        case "progress":
          live?.progress(event.target, event.id, event.sent, event.total);
          return;
        case "item":
          if (event.state === "present" || event.state === "staged" || event.state === "verify")
            live?.finish(event.target, event.id);
          if (event.state === "publish") live?.progress(event.target, event.id, 0, 0);
          if (event.state === "present" || event.state === "staged" || event.state === "pending") {
            print(
              `  ${itemMark(event.state, style)} ${event.target.padEnd(7)}${shortId(event.id)} ${style.dim(event.state)}`,
            );
          }
          return;
        case "pointer":
          print(
            `  ${style.green("→")} ${event.target.padEnd(7)}${safe(event.name)} ${style.dim(`${event.from ?? "new"} → ${event.to}`)}`,
          );
          return;
        case "wait":
          if (live) live.step(`waiting for ${event.for}`, `up to ${seconds(event.seconds)} more`);
          else if (options.verbose || now() - (waits.get(event.for) ?? Number.NEGATIVE_INFINITY) >= 60_000) {
            waits.set(event.for, now());
            print(`  waiting for ${safe(event.for)}, up to ${seconds(event.seconds)} more`);
          }
          return;
        case "retry":
          print(
            `  ${style.yellow("↻")} ${safe(event.what)}: ${safe(event.because)}; again in ${seconds(event.seconds)}`,
          );
          return;
        case "warning":
          if (options.kind === "github")
            stream.write(`::warning::${safe(event.message).replaceAll("%", "%25").replaceAll("\n", "%0A")}\n`);
          else print(`${style.yellow("warning")}: ${safe(event.message)}`);
          return;
        case "note":
          print(`  ${safe(event.message)}`);
          return;
        case "output":
          if (options.verbose || group) print(style.dim(`  ${event.from} | ${safe(event.line)}`));
          else live?.output(event.from, event.line);
          return;
      }
    },
  };
}

/** An id with digests cut to what a person compares. */
function shortId(id: string): string {
  return safe(id).replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1");
}

function itemMark(state: string, style: Style): string {
  return state === "pending" ? style.yellow("⋯") : style.green("✓");
}

/** The lines at the bottom of the terminal that are drawn again and again: current steps and transfers. */
function liveArea(stream: NodeJS.WriteStream, style: Style, now: () => number) {
  const running = new Map<string, string | undefined>();
  const transfers = new Map<string, Transfer>();
  const outputs = new Map<string, string>();
  let drawn = 0;
  let last = 0;
  let spin = 0;

  const clear = () => {
    if (drawn > 0) stream.write(`\u001b[${drawn}A\u001b[J`);
    drawn = 0;
  };
  const draw = (force: boolean) => {
    if (!force && now() - last < 80) return;
    last = now();
    clear();
    const width = (stream.columns ?? 80) - 1;
    const frame = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"[spin++ % 10] as string;
    const lines: string[] = [];
    for (const [step, detail] of running) lines.push(`${frame} ${step}${detail ? ` ${detail}` : ""}`);
    for (const [from, line] of outputs) lines.push(`    ${from} | ${line}`);
    for (const one of transfers.values()) lines.push(transferLine(one, now()));
    const fit = lines.slice(0, Math.max(1, (stream.rows ?? 24) - 2)).map((line) => safe(line).slice(0, width));
    for (const line of fit) stream.write(`${style.dim(line)}\n`);
    drawn = fit.length;
  };
  const timer = setInterval(() => draw(false), 120);
  timer.unref();
  return {
    step(step: string, detail?: string) {
      if (step.startsWith("waiting for"))
        for (const key of running.keys()) if (key.startsWith("waiting for")) running.delete(key);
      running.set(step, detail);
      draw(true);
    },
    stepDone(step: string) {
      running.delete(step);
      outputs.clear();
      for (const key of running.keys()) if (key.startsWith("waiting for")) running.delete(key);
    },
    progress(target: string, id: string, sent: number, total: number) {
      const key = `${target} ${id}`;
      const known = transfers.get(key);
      transfers.set(key, { target, id, sent, total, since: known?.since ?? now() });
      draw(false);
    },
    finish(target: string, id: string) {
      transfers.delete(`${target} ${id}`);
    },
    output(from: string, line: string) {
      outputs.set(from, line);
      draw(false);
    },
    print(text: string) {
      clear();
      stream.write(`${text}\n`);
      draw(true);
    },
    clear() {
      clearInterval(timer);
      clear();
    },
  };
}

/** `npm    @hanzo/playground@0.1.19  12.0 MiB of 50.0 MiB  40.2 MiB/s  1.0 s left` */
function transferLine({ target, id, sent, total, since }: Transfer, at: number): string {
  const elapsed = Math.max(0.001, (at - since) / 1000);
  if (total === 0) return `    ${target.padEnd(7)}${id}`;
  const speed = sent / elapsed;
  const left = speed > 0 ? `  ${seconds((total - sent) / speed)} left` : "";
  return `    ${target.padEnd(7)}${id}  ${bytes(sent)} of ${bytes(total)}  ${bytes(speed)}/s${left}`;
}
