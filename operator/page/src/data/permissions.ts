/** What may be done to a search. */
import type { Details, Permission } from "../api/types";

/** What the viewer has the right to do may still have nothing to be done to. */
export function sensible(permission: Permission, details: Pick<Details, "pinned">): Permission {
  if (permission.action !== "unpin" || !permission.allowed || details.pinned.length > 0) return permission;
  return { ...permission, allowed: false, reason: "no trial is pinned" };
}
