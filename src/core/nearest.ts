/** Finds the name that was probably meant: the nearest one, if it is near at all. */
export function findNearest(text: string, names: Iterable<string>): string | null {
  const farthest = Math.max(1, Math.floor(text.length / 3));
  let nearest: string | null = null;
  let least = farthest + 1;
  for (const name of names) {
    const distance = editDistance(text, name);
    if (distance < least) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
}

/** Counts the characters to insert, remove, replace or swap between two texts. */
function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const at = (line: readonly number[], index: number) => line[index] ?? 0;
      const same = from[row - 1] === to[column - 1];
      let least = Math.min(
        at(previous, column - 1) + (same ? 0 : 1),
        at(previous, column) + 1,
        at(current, column - 1) + 1,
      );
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && swapped) {
        least = Math.min(least, at(beforePrevious, column - 2) + 1);
      }
      current.push(least);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[to.length] ?? 0;
}
