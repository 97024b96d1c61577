// Powers of ten within an axis, at most six of them; 1, 2 and 5 times these where there are few.
const {start, end} = cb_data;
const first = Math.floor(Math.log10(start)), last = Math.ceil(Math.log10(end));
const stride = Math.ceil((last - first) / 6), found = [];
for (let power = first; power <= last; power++)
  for (const digit of last - first < 3 ? [1, 2, 5] : power % stride === 0 ? [1] : []) found.push(digit * 10 ** power);
return found.filter(value => value >= start && value <= end);
