/** @file Checks a name and a class noun while they are typed. */
import { useEffect, useState } from "preact/hooks";
import type { NamesCheck } from "../../../src/studio/api.ts";
import { server } from "../state/server.ts";

/** Milliseconds of rest before the server is asked. */
const REST = 200;

/** @returns what the server says of them; absent until it has */
export function useNamesCheck(name: string, classNoun: string): NamesCheck | undefined {
  const [check, setCheck] = useState<NamesCheck>();
  useEffect(() => {
    let isOld = false;
    const timer = setTimeout(() => {
      // Without an answer nothing is said: the job itself is checked again.
      const answer = server.checkNames(name, classNoun).catch(() => undefined);
      void answer.then((said) => {
        if (!isOld) setCheck(said);
      });
    }, REST);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [name, classNoun]);
  return check;
}
