/** @file Loaded into a process, sends it signals: SIGNAL_AT holds [words, signal] pairs as JSON; each is sent when the words appear on stderr. */
const pending = JSON.parse(process.env.SIGNAL_AT ?? "[]") as [string, NodeJS.Signals][];
const write = process.stderr.write.bind(process.stderr);

process.stderr.write = (chunk: string | Uint8Array, ...rest: never[]) => {
  const result = write(chunk, ...rest);
  const [next] = pending;
  if (next !== undefined && String(chunk).includes(next[0])) {
    pending.shift();
    process.kill(process.pid, next[1]);
  }
  return result;
};
