/** @file A program that replaces one file again and again until it is killed: `write-forever.ts FILE SIZE`. */
import { writeFileAtomic } from "../../src/io/atomic.ts";

const [file, size] = process.argv.slice(2);
for (let round = 0; ; round += 1) {
  await writeFileAtomic(file, String(round % 10).repeat(Number(size)));
  if (round === 0) process.stdout.write("writing\n");
}
