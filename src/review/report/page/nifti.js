/* The volumes of the report: NIfTI of 8 bits (https://nifti.nimh.nih.gov/nifti-1), in any order of its axes. */

/** Return the voxels of a file, their number along each axis, their size in mm, and where the axes are in the patient. */
function readNifti(buffer) {
  const view = new DataView(buffer);
  const three = [0, 1, 2];
  const size = three.map((axis) => view.getInt16(42 + 2 * axis, true));
  const spacing = three.map((axis) => view.getFloat32(80 + 4 * axis, true));
  const rows = three.map((row) => three.map((axis) => view.getFloat32(280 + 16 * row + 4 * axis, true)));
  const voxels = new Uint8Array(buffer, view.getFloat32(108, true), size[0] * size[1] * size[2]);
  const origin = three.map((row) => view.getFloat32(292 + 16 * row, true));
  const placeOf = (voxel) => rows.map((row, at) => origin[at] + row.reduce((sum, step, axis) => sum + step * voxel[axis], 0));
  return { size, spacing, voxels, placeOf, axes: axesOf(rows) };
}

/** Return a voxel of the largest label, in the middle of all in their order in the file; of the volume if there is none. */
function middleOf(volume) {
  const counts = new Uint32Array(256);
  for (const value of volume.voxels) counts[value] += 1;
  counts[0] = 0;
  const largest = counts.indexOf(Math.max(...counts));
  let at = volume.voxels.length >> 1;
  for (let index = 0, left = counts[largest] >> 1; counts[largest] && index < volume.voxels.length; index += 1) {
    if (volume.voxels[index] !== largest) continue;
    if (left === 0) {
      at = index;
      break;
    }
    left -= 1;
  }
  const [wide, high] = volume.size;
  return [at % wide, Math.floor(at / wide) % high, Math.floor(at / (wide * high))];
}

/** Return, for right, anterior and superior, the file's axis that points there most, and whether it points away. */
function axesOf(rows) {
  const free = new Set([0, 1, 2]);
  return rows.map((row) => {
    const axis = [...free].reduce((best, other) => (Math.abs(row[other]) > Math.abs(row[best]) ? other : best));
    free.delete(axis);
    return { axis, away: row[axis] < 0 };
  });
}

/** Return a slice as `view` draws it: right at the left, anterior or superior at the top, anterior at the left. */
function sliceOf(volume, across, index) {
  const [column, row] = [[1, 2], [0, 2], [0, 1]][across].map((world) => volume.axes[world]);
  const own = volume.axes[across].axis;
  const [wide, high] = [volume.size[column.axis], volume.size[row.axis]];
  const strides = [1, volume.size[0], volume.size[0] * volume.size[1]];
  const values = new Uint8Array(wide * high);
  for (let y = 0; y < high; y += 1) {
    const line = (row.away ? y : high - 1 - y) * strides[row.axis] + index * strides[own];
    for (let x = 0; x < wide; x += 1) {
      values[y * wide + x] = volume.voxels[line + (column.away ? x : wide - 1 - x) * strides[column.axis]];
    }
  }
  return { wide, high, values, aspect: (wide * volume.spacing[column.axis]) / (high * volume.spacing[row.axis]) };
}
