/**
 * Sends what several ask for at the same moment once: reads of the same thing, and writes that may be repeated. It is sent at
 * the end of the turn of the event loop, after all of them asked, so a read shows each of them every write that was answered
 * before it asked. Who asks later gets a request of their own, whatever is still on its way.
 *
 * @returns runs `send`, or joins the one of that key that hasn't begun; a failure is everybody's
 */
export function sharedRequests(): <T>(key: string, send: () => Promise<T>) => Promise<T> {
  const waiting = new Map<string, Promise<unknown>>();
  return <T>(key: string, send: () => Promise<T>): Promise<T> => {
    const there = waiting.get(key) as Promise<T> | undefined;
    if (there) return there;
    const mine = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      waiting.delete(key);
      return send();
    });
    waiting.set(key, mine);
    return mine;
  };
}
