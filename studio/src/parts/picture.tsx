/** @file A drawn picture, or the place where it will be. */
import { text } from "../strings.ts";
import { address } from "../state/server.ts";

export interface PictureProps {
  /** Absent while it is being drawn. */
  readonly id: string | undefined;
  readonly alt: string;
}

export function Picture({ id, alt }: PictureProps) {
  if (id === undefined) return <span class="picture picture-empty" role="img" aria-label={text.common.notDrawn(alt)} />;
  return <img class="picture" src={address.picture(id)} alt={alt} loading="lazy" decoding="async" draggable={false} />;
}
