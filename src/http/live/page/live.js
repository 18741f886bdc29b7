// Follows /api/stations/live: a snapshot replaces what is known, a station replaces itself.
"use strict";

const stations = new Map();
const rows = new Map();
const body = document.getElementById("stations");
const link = document.getElementById("link");
const search = document.getElementById("search");
let isAnew = true;

connect();

function connect() {
  const source = new EventSource("/api/stations/live");
  source.onopen = () => { isAnew = true; say("live", true); };
  source.onerror = () => {
    say("not connected", false);
    // after a refusal a browser does not come back by itself
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 10_000);
  };
  source.addEventListener("reset", () => { isAnew = true; });
  source.addEventListener("snapshot", (event) => replace(JSON.parse(event.data)));
  source.addEventListener("station", (event) => { show(JSON.parse(event.data)); count(); });
  source.addEventListener("gone", (event) => { drop(JSON.parse(event.data).serial_number); });
}

// A snapshot comes in parts; the first one after a beginning replaces everything.
function replace(part) {
  if (isAnew) {
    stations.clear();
    rows.clear();
    body.replaceChildren();
  }
  for (const station of part.stations) body.append(take(station));
  isAnew = part.is_last;
  count();
}

function show(station) {
  const before = rows.get(station.serial_number);
  const sameName = stations.get(station.serial_number)?.station_name === station.station_name;
  const row = take(station);
  row.classList.add("changed");
  if (before && sameName) {
    before.replaceWith(row);
  } else {
    before?.remove();
    body.insertBefore(row, next(station));
  }
}

function drop(serial) {
  stations.delete(serial);
  rows.get(serial)?.remove();
  rows.delete(serial);
  count();
}

search.addEventListener("input", () => {
  for (const [serial, station] of stations) rows.get(serial).hidden = !wanted(station);
  count();
});

function take(station) {
  const row = document.createElement("tr");
  cell(row, station.station_name).append(small(station.serial_number));
  cell(row, station.address);
  cell(row, station.status.toLowerCase()).className = station.status === "ONLINE" ? "up" : "down";
  cell(row, station.available_power_banks);
  cell(row, `${station.available_slots} of ${station.total_slots}`);
  row.classList.toggle("stale", station.stale);
  row.title = station.stale ? "not heard yet since the service started" : "";
  row.hidden = !wanted(station);
  stations.set(station.serial_number, station);
  rows.set(station.serial_number, row);
  return row;
}

// The row before which a new one belongs; rows are in the order of names.
function next(station) {
  for (const row of body.rows) {
    if (row.cells[0].firstChild.data.localeCompare(station.station_name) > 0) return row;
  }
  return null;
}

function wanted(station) {
  const text = [station.station_name, station.address, station.serial_number].join("\n");
  return text.toLowerCase().includes(search.value.trim().toLowerCase());
}

function count() {
  const shown = [...stations.values()].filter(wanted);
  const online = shown.filter((station) => station.status === "ONLINE").length;
  const banks = shown.reduce((sum, station) => sum + station.available_power_banks, 0);
  document.getElementById("sums").textContent =
    `· ${shown.length} stations, ${online} online, ${banks} power banks to rent`;
  document.getElementById("none").hidden = shown.length > 0;
}

function cell(row, text) {
  const cell = row.insertCell();
  cell.textContent = text;
  return cell;
}

function small(text) {
  const small = document.createElement("small");
  small.textContent = text;
  return small;
}

function say(text, isUp) {
  link.textContent = text;
  link.className = isUp ? "up" : "down";
}
