import { addressProblem } from "../notify/send.ts";
import type { Found, Result, Subject } from "./types.ts";

/** Whether those who are to be told can be told, as far as the environment says. Nothing is sent. */
export async function checkNotify({ config, variable }: Pick<Subject, "config" | "variable">): Promise<Result> {
  const { notify } = config;
  if (notify.length === 0) return { found: [], text: "nobody is told", skipped: true };
  const found = notify.flatMap(({ type, env }): Found[] => {
    const problem = addressProblem(env, variable(env));
    if (problem === null) return [];
    const what = `${type} can't be told of releases: ${problem}`;
    return [
      {
        code: "notify",
        level: "warning",
        what,
        remedy: `set ${env} to the webhook's address, and give it to the step that releases: \`${env}: \${{ secrets.${env} }}\``,
      },
    ];
  });
  return { found, text: notify.map((one) => one.type).join(", ") };
}
