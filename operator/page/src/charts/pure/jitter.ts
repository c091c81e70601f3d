/** Where a point lies within the band of its category: always at the same place, so that it stays when others come. */
export function jitter(trial: number, salt: number): number {
  let hash = Math.imul(trial + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 0x1_0000_0000 - 0.5;
}
