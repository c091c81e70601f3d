/** Fewer points for a line that has many more than pixels, without a change of what is seen. */

/**
 * The places to draw of values whose horizontal positions ascend: in each column of pixels the first, the lowest, the
 * highest and the last.
 */
export function visible(columns: ArrayLike<number>, values: ArrayLike<number>): number[] {
  const kept: number[] = [];
  let start = 0;
  while (start < columns.length) {
    const column = Math.floor(columns[start]!);
    let end = start;
    let low = start;
    let high = start;
    while (end < columns.length && Math.floor(columns[end]!) === column) {
      if (values[end]! < values[low]!) low = end;
      if (values[end]! > values[high]!) high = end;
      end++;
    }
    for (const place of [...new Set([start, low, high, end - 1])].sort((a, b) => a - b)) kept.push(place);
    start = end;
  }
  return kept;
}
