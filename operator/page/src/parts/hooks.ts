/** What views do with resources. */
import { useEffect, useRef } from "preact/hooks";
import type { Resource } from "../data/resource";

/** Keep a resource current as long as the component is shown. */
export function useResource<T>(resource: Resource<T>): Resource<T> {
  useEffect(() => resource.use(), [resource]);
  return resource;
}

/** The same, where it depends on what is known by now whether it is needed. */
export function useResourceIf<T>(needed: boolean, resource: Resource<T>): void {
  useEffect(() => (needed ? resource.use() : undefined), [needed, resource]);
}

/** Something that is made once for these inputs and stopped when they change or the component goes. */
export function useMade<T extends { readonly stop: () => void }>(make: () => T, key: string): T {
  const kept = useRef<{ key: string; made: T } | null>(null);
  if (kept.current?.key !== key) {
    kept.current?.made.stop();
    kept.current = { key, made: make() };
  }
  useEffect(() => () => kept.current?.made.stop(), []);
  return kept.current.made;
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "evonas" : `${title} · evonas`;
  }, [title]);
}
