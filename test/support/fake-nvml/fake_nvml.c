/*
 * A stand-in for libnvidia-ml.so.1 whose readings follow a script, so that tests need no GPU.
 *
 * Environment: FAKE_NVML_SCRIPT (path; without it every GPU draws a constant 300 W), FAKE_NVML_GPUS (default 1; 0: none),
 * FAKE_NVML_INIT_RC (return code of nvmlInit_v2).
 * A script line is `t_ms gpu key value`: from t_ms after loading on, gpu (an index or *) has that value (step-hold,
 * times ascending). Keys: those of `defaults` below, the name of a function (value: its return code),
 * `delay:FUNCTION` (value: microseconds it sleeps), `device_rc` (return code of every call on the device),
 * `energy_mj` (the counter is set to the value at that time), `pid` (a process that holds memory; 0: none),
 * `more_pids` (so many further processes, with the numbers after it), `graphics_pid`, `mps_pid`, `pid_instance` (the GPU
 * instance that `pid` works in), `value:FIELD` (a field's value, as 64 bits), `field:FIELD` (its return code),
 * `instances` (bit k: the place k of a partitioned GPU holds an instance), `nvlinks` (so many, to the next GPU),
 * `driver` (odd: unloaded; each further even number is the driver loaded again, for which handles are void until the
 * library is started anew), `model` (0: Fake GPU 80GB, 1: a superchip, 2: Fake GPU 24GB).
 * FAKE_NVML_BUSY_FILE (path): lines `t_us gpu milliwatts` (CLOCK_MONOTONIC, step-hold) that other processes append are
 * power beside the script's.
 * FAKE_NVML_FAIL_FILE (path): while it is there, functions fail by its lines `function rc`.
 * Time is real unless fake_nvml_set_time_us was called. Layouts: NVML 12.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef unsigned long long u64;
typedef long long i64;
typedef unsigned int u32;

typedef struct { u32 field; u32 scope; i64 timestamp; i64 latency; int type; int rc; union { double d; u32 u; u64 ull; } v; } FieldValue;
typedef struct { u64 ts; union { double d; u32 u; u64 ull; } v; } Sample;
typedef struct { u64 total, free, used; } Memory;
typedef struct { u32 version; u64 total, reserved, free, used; } MemoryV2;
typedef struct { u32 pid; u64 used; u32 gi, ci; } ProcessInfo;
typedef struct { u32 gpu, memory; } Utilization;
typedef struct { u32 version; int sensor; int c; } Temperature;
typedef struct { char legacy[16]; u32 domain, bus, device, id, sub; char bus_id[32]; } Pci;
typedef struct { u64 reference, violation; } Violation;
typedef struct { u32 sms, copy, dec, enc, jpeg, ofa, gpu_slices, compute_slices; u64 memory_mib; } Attributes;
typedef struct { u32 mask[8]; } Mask255;
typedef struct { u32 version; Mask255 supported, requested, enforced; } Profiles;
_Static_assert(sizeof(Violation) == 16, "nvmlViolationTime_t");
_Static_assert(sizeof(Attributes) == 40, "nvmlDeviceAttributes_t");
_Static_assert(offsetof(Attributes, gpu_slices) == 24 && offsetof(Attributes, memory_mib) == 32, "nvmlDeviceAttributes_t");
_Static_assert(sizeof(Profiles) == 100, "nvmlWorkloadPowerProfileCurrentProfiles_v1_t");
_Static_assert(offsetof(Profiles, requested) == 36 && offsetof(Profiles, enforced) == 68, "nvmlWorkloadPowerProfileCurrentProfiles_v1_t");
_Static_assert(offsetof(MemoryV2, reserved) == 16 && offsetof(MemoryV2, free) == 24, "nvmlMemory_v2_t");
_Static_assert(offsetof(ProcessInfo, used) == 8 && offsetof(ProcessInfo, gi) == 16, "nvmlProcessInfo_t");
_Static_assert(sizeof(FieldValue) == 40, "nvmlFieldValue_t");
_Static_assert(sizeof(Sample) == 16, "nvmlSample_t");
_Static_assert(sizeof(Memory) == 24, "nvmlMemory_t");
_Static_assert(sizeof(MemoryV2) == 40, "nvmlMemory_v2_t");
_Static_assert(sizeof(ProcessInfo) == 24, "nvmlProcessInfo_t");
_Static_assert(sizeof(Utilization) == 8, "nvmlUtilization_t");
_Static_assert(sizeof(Temperature) == 12, "nvmlTemperature_v1_t");
_Static_assert(sizeof(Pci) == 68, "nvmlPciInfo_t");

enum { OK = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, NOT_LOADED = 9, IS_LOST = 15, INSUFFICIENT_SIZE = 7, VERSION_MISMATCH = 25 };
enum { MAX_GPUS = 16, MAX_ENTRIES = 4096, PLACES = 7, MAX_FUNCTIONS = 128 };

typedef struct { double t_us; int gpu; char key[64]; double value; } Entry;
static Entry entries[MAX_ENTRIES];
static int n_entries, n_gpus = 1;
static i64 t0_mono_us, t0_wall_us, hand_us, step_at_us, step_us;
static int by_hand;
static char handles[MAX_GPUS];
static char parts[MAX_GPUS][PLACES]; /* handles of instances */
static int generation; /* of the driver that the library was started with */
static struct { char name[64]; int calls; } functions[MAX_FUNCTIONS];

static i64 clock_us(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (i64)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
/* Microseconds since loading. */
static i64 now_us(void) { return by_hand ? hand_us : clock_us(CLOCK_MONOTONIC) - t0_mono_us; }
static u64 wall_us(i64 t) { return (u64)(t0_wall_us + t + (step_us && t > step_at_us ? step_us : 0)); }

static const struct { const char *key; double value; } defaults[] = {
  { "power_mw", 300000 },      { "temperature_c", 45 },   { "memory_temperature_c", 55 }, { "sm_clock_mhz", 1980 },
  { "memory_clock_mhz", 2619 }, { "utilisation_pct", 0 }, { "memory_used_bytes", 1073741824 }, { "throttle", 0 },
  { "power_limit_mw", 700000 }, { "default_limit_mw", 700000 }, { "persistence", 1 },    { "mig", 0 },
  { "ring_size", 119 },        { "ring_period_us", 20000 }, { "ring_fault", 0 },           { "power_type", 1 },
  { "memory_power_mw", -1 },   { "module_extra_mw", 0 },   { "module_ring", 0 },           { "ring0_rc", 0 },
  { "requested_limit_mw", 0 }, { "min_limit_mw", 200000 }, { "ecc", 1 },                  { "compute_mode", 0 },
  { "app_clock_mhz", 1980 },   { "boost_clock_mhz", 1980 }, { "pcie_generation", 5 },      { "pcie_width", 16 },
  { "ancestor", 40 },          { "performance_state", 0 }, { "nvlink_down", -1 },
  { "scope0_rc", 0 },          { "energy_mj", 1000000 },  { "pid", 0 },
  { "more_pids", 0 },
};

static int matches(const Entry *e, int gpu, const char *key) {
  return (e->gpu < 0 || e->gpu == gpu) && strcmp(e->key, key) == 0;
}
static const Entry *entry_at(int gpu, const char *key, double t) {
  for (int i = n_entries - 1; i >= 0; i--)
    if (entries[i].t_us <= t && matches(&entries[i], gpu, key)) return &entries[i];
  return NULL;
}
static double value_at(int gpu, const char *key, double t) {
  const Entry *e = entry_at(gpu, key, t);
  if (e) return e->value;
  for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
    if (strcmp(defaults[i].key, key) == 0) return defaults[i].value;
  return 0;
}
/* Power that other processes' work adds: what they have appended so far. */
typedef struct { double t_us; int gpu; double mw; } Busy;
static Busy *busy;
static int n_busy, room_busy;
static FILE *busy_file;
static void read_busy(void) {
  const char *path = getenv("FAKE_NVML_BUSY_FILE");
  if (!path || (!busy_file && !(busy_file = fopen(path, "r")))) return;
  clearerr(busy_file);
  for (long at = ftell(busy_file);; at = ftell(busy_file)) {
    if (n_busy == room_busy) busy = realloc(busy, sizeof *busy * (size_t)(room_busy = 2 * room_busy + 64));
    char line[96];
    Busy *next = &busy[n_busy];
    /* A line that is still being written is read next time. */
    if (!fgets(line, sizeof line, busy_file) || !strchr(line, '\n')) { fseek(busy_file, at, SEEK_SET); return; }
    if (sscanf(line, "%lf %d %lf", &next->t_us, &next->gpu, &next->mw) != 3) continue;
    next->t_us -= (double)t0_mono_us;
    n_busy++;
  }
}
static double busy_at(int gpu, double t) {
  read_busy();
  for (int i = n_busy - 1; i >= 0; i--) if (busy[i].gpu == gpu && busy[i].t_us <= t) return busy[i].mw;
  return 0;
}
static double busy_integral(int gpu, double a, double b) {
  double sum = 0, from = a, value = busy_at(gpu, a);
  for (int i = 0; i < n_busy; i++) {
    if (busy[i].gpu != gpu || busy[i].t_us <= a || busy[i].t_us >= b) continue;
    sum += value * (busy[i].t_us - from);
    from = busy[i].t_us;
    value = busy[i].mw;
  }
  return sum + value * (b - from);
}
/* Integral of the power over [a, b] us, in mW x us. */
static double integral(int gpu, double a, double b) {
  double sum = busy_integral(gpu, a, b), from = a, value = value_at(gpu, "power_mw", a);
  for (int i = 0; i < n_entries; i++) {
    if (!matches(&entries[i], gpu, "power_mw") || entries[i].t_us <= a || entries[i].t_us >= b) continue;
    sum += value * (entries[i].t_us - from);
    from = entries[i].t_us;
    value = entries[i].value;
  }
  return sum + value * (b - from);
}
static double mean_power(int gpu, double end, double span) { return integral(gpu, end - span, end) / span; }

/* -- what tests steer -- */

void fake_nvml_load(const char *script, int gpus) {
  n_entries = 0;
  n_gpus = gpus < 0 ? 0 : gpus > MAX_GPUS ? MAX_GPUS : gpus;
  by_hand = 0;
  step_us = 0;
  generation = 0;
  memset(functions, 0, sizeof functions);
  t0_mono_us = clock_us(CLOCK_MONOTONIC);
  t0_wall_us = clock_us(CLOCK_REALTIME);
  FILE *f = script && *script ? fopen(script, "r") : NULL;
  char line[256], gpu[16];
  while (f && n_entries < MAX_ENTRIES && fgets(line, sizeof line, f)) {
    Entry *e = &entries[n_entries];
    if (sscanf(line, "%lf %15s %63s %lf", &e->t_us, gpu, e->key, &e->value) != 4) continue;
    e->t_us *= 1000;
    e->gpu = *gpu == '*' ? -1 : atoi(gpu);
    n_entries++;
  }
  if (f) fclose(f);
}
/* Time stands still at this many microseconds after loading, which was at wall time wall0. */
void fake_nvml_set_time_us(i64 t, i64 wall0) { by_hand = 1; hand_us = t; t0_wall_us = wall0; }
/* The wall clock is set by delta: ring stamps after now carry it. */
void fake_nvml_step_wall_us(i64 delta) { step_at_us = now_us(); step_us = delta; }

/* How often a function was called since loading. */
int fake_nvml_calls(const char *name) {
  for (int i = 0; i < MAX_FUNCTIONS && *functions[i].name; i++)
    if (strcmp(functions[i].name, name) == 0) return functions[i].calls;
  return 0;
}

__attribute__((constructor)) static void on_load(void) {
  const char *gpus = getenv("FAKE_NVML_GPUS");
  fake_nvml_load(getenv("FAKE_NVML_SCRIPT"), gpus ? atoi(gpus) : 1);
}

/* -- NVML -- */

static void count(const char *name) {
  int i = 0;
  while (i < MAX_FUNCTIONS - 1 && *functions[i].name && strcmp(functions[i].name, name) != 0) i++;
  snprintf(functions[i].name, sizeof functions[i].name, "%s", name);
  functions[i].calls++;
}
/* The place of an instance's handle, or -1 for that of a whole GPU. */
static int place_of(void *device) {
  ptrdiff_t at = (char *)device - &parts[0][0];
  return at >= 0 && at < (ptrdiff_t)sizeof parts ? (int)(at % PLACES) : -1;
}
static int gpu_of(void *device) {
  return place_of(device) >= 0 ? (int)(((char *)device - &parts[0][0]) / PLACES) : (int)((char *)device - handles);
}
static int driver_now(void) { return (int)value_at(0, "driver", (double)now_us()); }
/* What tests make fail at a moment of theirs. */
static int failing(const char *function) {
  const char *path = getenv("FAKE_NVML_FAIL_FILE");
  FILE *f = path ? fopen(path, "r") : NULL;
  char name[64];
  int rc = 0, code;
  while (f && fscanf(f, "%63s %d", name, &code) == 2)
    if (strcmp(name, function) == 0) rc = code;
  if (f) fclose(f);
  return rc;
}
/* What every call on a device does first: sleeps, fails. */
static int enter(void *device, const char *function) {
  count(function);
  int gpu = gpu_of(device);
  if (gpu < 0 || gpu >= n_gpus) return INVALID_ARGUMENT;
  if (driver_now() % 2) return NOT_LOADED;
  if (driver_now() != generation) return IS_LOST;
  char key[80];
  snprintf(key, sizeof key, "delay:%s", function);
  double t = (double)now_us(), delay = value_at(gpu, key, t);
  if (delay > 0) usleep((useconds_t)delay);
  int rc = failing(function);
  if (!rc) rc = (int)value_at(gpu, "device_rc", t);
  return rc ? rc : (int)value_at(gpu, function, t);
}
#define ENTER(name) int rc_ = enter(d, name); if (rc_) return rc_; int g = gpu_of(d); double t = (double)now_us(); (void)g; (void)t
#define READ(key) value_at(g, key, t)

#define WHOLE if (place_of(d) >= 0) return NOT_SUPPORTED

int nvmlInit_v2(void) {
  count("nvmlInit_v2");
  const char *rc = getenv("FAKE_NVML_INIT_RC");
  if (rc) return atoi(rc);
  if (driver_now() % 2) return NOT_LOADED;
  generation = driver_now();
  return OK;
}
int nvmlInitWithFlags(u32 flags) { (void)flags; return nvmlInit_v2(); } // how Python's binding begins
int nvmlShutdown(void) { count("nvmlShutdown"); return OK; }
const char *nvmlErrorString(int rc) { return rc ? "fake error" : "ok"; }
int nvmlSystemGetDriverVersion(char *s, u32 n) { snprintf(s, n, "580.00.00"); return OK; }
int nvmlSystemGetCudaDriverVersion_v2(int *v) { *v = 13000; return OK; }
int nvmlDeviceGetCount_v2(u32 *n) { *n = (u32)n_gpus; return OK; }
int nvmlDeviceGetHandleByIndex_v2(u32 i, void **d) {
  if ((int)i >= n_gpus) return INVALID_ARGUMENT;
  *d = &handles[i];
  return enter(*d, "nvmlDeviceGetHandleByIndex_v2");
}
static void uuid_of(int gpu, char *s, size_t n) { snprintf(s, n, "GPU-00000000-0000-4000-8000-%012d", gpu); }
int nvmlDeviceGetHandleByUUID(const char *uuid, void **d) {
  char own[96];
  for (int g = 0; g < n_gpus; g++) {
    uuid_of(g, own, sizeof own);
    if (strcmp(own, uuid) == 0) { *d = &handles[g]; return enter(*d, "nvmlDeviceGetHandleByUUID"); }
  }
  return NOT_FOUND;
}
int nvmlDeviceGetUUID(void *d, char *s, u32 n) {
  ENTER("nvmlDeviceGetUUID");
  int place = place_of(d);
  if (place < 0) uuid_of(g, s, n);
  else if (READ("legacy_names")) { char own[96]; uuid_of(g, own, sizeof own); snprintf(s, n, "MIG-%s/%d/0", own, place + PLACES); }
  else snprintf(s, n, "MIG-00000000-0000-4000-8000-%06d%06d", g, place);
  return OK;
}
int nvmlDeviceGetName(void *d, char *s, u32 n) {
  ENTER("nvmlDeviceGetName");
  static const char *names[] = { "Fake GPU 80GB", "Fake GH200 480GB", "Fake GPU 24GB" };
  snprintf(s, n, "%s%s", names[(int)READ("model")], place_of(d) < 0 ? "" : " MIG 1g.10gb");
  return OK;
}
int nvmlDeviceGetSerial(void *d, char *s, u32 n) { ENTER("nvmlDeviceGetSerial"); snprintf(s, n, "16500000%05d", g); return OK; }
int nvmlDeviceGetVbiosVersion(void *d, char *s, u32 n) { ENTER("nvmlDeviceGetVbiosVersion"); snprintf(s, n, "96.00.74.00.01"); return OK; }
int nvmlDeviceGetPciInfo_v3(void *d, Pci *p) {
  ENTER("nvmlDeviceGetPciInfo_v3");
  memset(p, 0, sizeof *p);
  p->bus = (u32)g + 1;
  snprintf(p->bus_id, sizeof p->bus_id, "00000000:%02X:00.0", g + 1);
  return OK;
}
int nvmlDeviceGetArchitecture(void *d, u32 *a) { ENTER("nvmlDeviceGetArchitecture"); *a = 9; return OK; }
int nvmlDeviceGetPersistenceMode(void *d, int *m) { ENTER("nvmlDeviceGetPersistenceMode"); *m = (int)READ("persistence"); return OK; }
static int bare(int gpu, const char *key) { return entry_at(gpu, key, (double)now_us()) == NULL; }
int nvmlDeviceGetMigMode(void *d, u32 *now, u32 *next) {
  ENTER("nvmlDeviceGetMigMode");
  *now = (u32)READ("mig");
  *next = bare(g, "mig_next") ? *now : (u32)READ("mig_next");
  return OK;
}
int nvmlDeviceGetMaxMigDeviceCount(void *d, u32 *n) { ENTER("nvmlDeviceGetMaxMigDeviceCount"); *n = READ("mig") ? PLACES : 0; return OK; }
int nvmlDeviceGetMigDeviceHandleByIndex(void *d, u32 i, void **part) {
  ENTER("nvmlDeviceGetMigDeviceHandleByIndex");
  if (i >= PLACES) return INVALID_ARGUMENT;
  if (!((int)READ("instances") >> i & 1)) return NOT_FOUND;
  *part = &parts[g][i];
  return OK;
}
int nvmlDeviceGetGpuInstanceId(void *d, u32 *id) { ENTER("nvmlDeviceGetGpuInstanceId"); if (place_of(d) < 0) return INVALID_ARGUMENT; *id = (u32)(place_of(d) + PLACES); return OK; }
int nvmlDeviceGetComputeInstanceId(void *d, u32 *id) { ENTER("nvmlDeviceGetComputeInstanceId"); if (place_of(d) < 0) return INVALID_ARGUMENT; *id = 0; return OK; }
int nvmlDeviceGetAttributes_v2(void *d, Attributes *a) {
  ENTER("nvmlDeviceGetAttributes_v2");
  if (place_of(d) < 0) return NOT_SUPPORTED;
  *a = (Attributes){ .sms = 16, .gpu_slices = 1, .compute_slices = 1, .memory_mib = 9856 };
  return OK;
}
int nvmlDeviceGetEccMode(void *d, u32 *now, u32 *next) { ENTER("nvmlDeviceGetEccMode"); *now = *next = (u32)READ("ecc"); return OK; }
int nvmlDeviceGetComputeMode(void *d, u32 *m) { ENTER("nvmlDeviceGetComputeMode"); *m = (u32)READ("compute_mode"); return OK; }
int nvmlDeviceGetPerformanceState(void *d, u32 *p) { ENTER("nvmlDeviceGetPerformanceState"); *p = (u32)READ("performance_state"); return OK; }
int nvmlDeviceGetCudaComputeCapability(void *d, int *major, int *minor) { ENTER("nvmlDeviceGetCudaComputeCapability"); *major = 9; *minor = 0; return OK; }
int nvmlDeviceGetMaxClockInfo(void *d, int type, u32 *mhz) { ENTER("nvmlDeviceGetMaxClockInfo"); *mhz = type == 2 ? 2619 : 1980; return OK; }
int nvmlDeviceGetApplicationsClock(void *d, int type, u32 *mhz) { ENTER("nvmlDeviceGetApplicationsClock"); *mhz = type == 2 ? 2619 : (u32)READ("app_clock_mhz"); return OK; }
int nvmlDeviceGetMaxCustomerBoostClock(void *d, int type, u32 *mhz) { ENTER("nvmlDeviceGetMaxCustomerBoostClock"); *mhz = type == 2 ? 2619 : (u32)READ("boost_clock_mhz"); return OK; }
int nvmlDeviceGetTemperatureThreshold(void *d, int which, u32 *c) {
  ENTER("nvmlDeviceGetTemperatureThreshold");
  static const u32 celsius[] = { 95, 90, 94, 87 };
  if (which > 3) return NOT_SUPPORTED;
  *c = celsius[which];
  return OK;
}
int nvmlDeviceGetPowerManagementLimitConstraints(void *d, u32 *min, u32 *max) {
  ENTER("nvmlDeviceGetPowerManagementLimitConstraints");
  *min = (u32)READ("min_limit_mw");
  *max = (u32)READ("default_limit_mw");
  return OK;
}
int nvmlDeviceGetCurrPcieLinkGeneration(void *d, u32 *v) { ENTER("nvmlDeviceGetCurrPcieLinkGeneration"); *v = (u32)READ("pcie_generation"); return OK; }
int nvmlDeviceGetMaxPcieLinkGeneration(void *d, u32 *v) { ENTER("nvmlDeviceGetMaxPcieLinkGeneration"); *v = 5; return OK; }
int nvmlDeviceGetCurrPcieLinkWidth(void *d, u32 *v) { ENTER("nvmlDeviceGetCurrPcieLinkWidth"); *v = (u32)READ("pcie_width"); return OK; }
int nvmlDeviceGetMaxPcieLinkWidth(void *d, u32 *v) { ENTER("nvmlDeviceGetMaxPcieLinkWidth"); *v = 16; return OK; }
int nvmlDeviceGetNvLinkState(void *d, u32 link, u32 *up) {
  ENTER("nvmlDeviceGetNvLinkState");
  u32 links = (u32)READ("nvlinks");
  if (links == 0) return NOT_SUPPORTED;
  if (link >= links) return INVALID_ARGUMENT;
  *up = (int)link != (int)READ("nvlink_down");
  return OK;
}
int nvmlDeviceGetNvLinkRemotePciInfo_v2(void *d, u32 link, Pci *p) {
  ENTER("nvmlDeviceGetNvLinkRemotePciInfo_v2");
  (void)link;
  memset(p, 0, sizeof *p);
  /* With four digits of domain, as some drivers write it. */
  if (READ("nvlink_switch")) snprintf(p->bus_id, sizeof p->bus_id, "0000:FE:00.0");
  else snprintf(p->bus_id, sizeof p->bus_id, "0000:%02X:00.0", (g + 1) % n_gpus + 1);
  return OK;
}
int nvmlDeviceGetNvLinkRemoteDeviceType(void *d, u32 link, u32 *type) { ENTER("nvmlDeviceGetNvLinkRemoteDeviceType"); (void)link; *type = READ("nvlink_switch") ? 2 : 0; return OK; }
int nvmlDeviceGetTopologyCommonAncestor(void *d, void *other, u32 *level) { ENTER("nvmlDeviceGetTopologyCommonAncestor"); (void)other; *level = (u32)READ("ancestor"); return OK; }
int nvmlDeviceGetViolationStatus(void *d, int policy, Violation *v) {
  ENTER("nvmlDeviceGetViolationStatus");
  v->reference = wall_us((i64)t);
  v->violation = (u64)READ(policy == 0 ? "power_violation_ns" : "thermal_violation_ns");
  return policy > 1 ? INVALID_ARGUMENT : OK;
}
static void mask_of(Mask255 *m, double bits) {
  u64 b = (u64)bits;
  memset(m, 0, sizeof *m);
  m->mask[0] = (u32)b;
  m->mask[1] = (u32)(b >> 32);
}
int nvmlDeviceWorkloadPowerProfileGetCurrentProfiles(void *d, Profiles *p) {
  ENTER("nvmlDeviceWorkloadPowerProfileGetCurrentProfiles");
  if (p->version != 0x01000064) return VERSION_MISMATCH;
  if (bare(g, "profiles_requested")) return NOT_SUPPORTED;
  mask_of(&p->supported, 0x7fff);
  mask_of(&p->requested, READ("profiles_requested"));
  mask_of(&p->enforced, bare(g, "profiles_enforced") ? READ("profiles_requested") : READ("profiles_enforced"));
  return OK;
}

int nvmlDeviceGetSamples(void *d, int type, u64 last, int *vt, u32 *n, Sample *s) {
  ENTER("nvmlDeviceGetSamples");
  WHOLE;
  if (type == 0 && READ("ring0_rc") != 0) return (int)READ("ring0_rc");
  if (type != 0 && (type != 7 || !READ("module_ring"))) return NOT_SUPPORTED;
  double extra = type == 7 ? READ("module_extra_mw") : 0;
  i64 period = (i64)READ("ring_period_us"), size = (i64)READ("ring_size"), newest = (i64)t / period;
  int fault = (int)READ("ring_fault");
  u32 k = 0, room = *n;
  *vt = (int)READ("power_type");
  if (!s) { *n = (u32)size * (fault == 1 ? 2 : 1); return OK; }
  if (fault == 3 && room < size) { *n = (u32)size; return INSUFFICIENT_SIZE; }
  for (i64 i = newest - size + 1; i <= newest && k < room; i++) {
    u64 stamp = wall_us(i * period);
    if (stamp <= last) continue;
    double mw = mean_power(g, (double)(i * period), (double)period) + extra;
    s[k].ts = stamp;
    if (*vt == 0) s[k].v.d = mw; else s[k].v.ull = (u64)(mw + 0.5);
    k++;
    if (fault == 1 && k < room) { s[k] = s[k - 1]; k++; }          /* each sample twice */
    if (fault == 2 && k % 2 == 0) { Sample x = s[k - 1]; s[k - 1] = s[k - 2]; s[k - 2] = x; } /* pairs swapped */
  }
  *n = k;
  return k ? OK : NOT_FOUND;
}
int nvmlDeviceGetFieldValues(void *d, int n, FieldValue *f) {
  ENTER("nvmlDeviceGetFieldValues");
  for (int i = 0; i < n; i++) {
    f[i].timestamp = (i64)wall_us((i64)t);
    f[i].type = 1;
    f[i].rc = OK;
    f[i].v.ull = 0;
    char key[32];
    snprintf(key, sizeof key, "field:%u", f[i].field);
    int rc = (int)READ(key);
    char value[32];
    snprintf(value, sizeof value, "value:%u", f[i].field);
    if (rc) f[i].rc = rc;
    else if (!bare(g, value)) { f[i].type = 3; f[i].v.ull = (u64)READ(value); }
    else if (f[i].field == 192 && READ("requested_limit_mw") > 0) f[i].v.u = (u32)READ("requested_limit_mw");
    else if (f[i].field == 189 && f[i].scope == 1 && READ("module_limit_mw") > 0) f[i].v.u = (u32)READ("module_limit_mw");
    else if (f[i].field == 185 && f[i].scope <= 1 && !bare(g, "average_scope")) {
      if (f[i].scope != (u32)READ("average_scope")) f[i].rc = NOT_SUPPORTED;
      else f[i].v.u = (u32)(mean_power(g, t, 1e6) + 0.5);
    }
    else if (f[i].field == 186 && f[i].scope == 2 && READ("memory_power_mw") >= 0) f[i].v.u = (u32)READ("memory_power_mw");
    else if (f[i].field == 82) f[i].v.u = (u32)READ("memory_temperature_c");
    else if (f[i].field == 186 && f[i].scope == 0 && READ("scope0_rc") != 0) f[i].rc = (int)READ("scope0_rc");
    else if (f[i].field == 186 && f[i].scope <= 1) {
      double tick = (double)((i64)t / 100000 * 100000), mw = value_at(g, "power_mw", tick) + busy_at(g, tick);
      if (f[i].scope == 1) mw += READ("module_extra_mw");
      f[i].type = (int)READ("power_type");
      if (f[i].type == 0) f[i].v.d = mw; else f[i].v.ull = (u64)mw;
    } else f[i].rc = NOT_SUPPORTED;
  }
  return OK;
}
int nvmlDeviceGetPowerUsage(void *d, u32 *mw) { ENTER("nvmlDeviceGetPowerUsage"); WHOLE; *mw = (u32)(mean_power(g, t, 1e6) + 0.5); return OK; }
int nvmlDeviceGetTotalEnergyConsumption(void *d, u64 *mj) {
  ENTER("nvmlDeviceGetTotalEnergyConsumption");
  WHOLE;
  const Entry *set = entry_at(g, "energy_mj", t);
  double from = set ? set->t_us : 0, tick = (double)((i64)t / 100000 * 100000);
  *mj = (u64)((set ? set->value : READ("energy_mj")) + (tick > from ? integral(g, from, tick) / 1e6 : 0));
  return OK;
}
int nvmlDeviceGetTemperatureV(void *d, Temperature *x) {
  ENTER("nvmlDeviceGetTemperatureV");
  if (x->version != 0x0100000C) return VERSION_MISMATCH;
  x->c = (int)READ("temperature_c");
  return OK;
}
int nvmlDeviceGetTemperature(void *d, int sensor, u32 *c) { ENTER("nvmlDeviceGetTemperature"); *c = (u32)READ("temperature_c"); return sensor ? INVALID_ARGUMENT : OK; }
int nvmlDeviceGetClockInfo(void *d, int type, u32 *mhz) { ENTER("nvmlDeviceGetClockInfo"); *mhz = (u32)READ(type == 2 ? "memory_clock_mhz" : "sm_clock_mhz"); return OK; }
int nvmlDeviceGetUtilizationRates(void *d, Utilization *u) { ENTER("nvmlDeviceGetUtilizationRates"); u->gpu = (u32)READ("utilisation_pct"); u->memory = 0; return OK; }
static const u64 TOTAL = 85899345920ULL;
int nvmlDeviceGetMemoryInfo(void *d, Memory *m) {
  ENTER("nvmlDeviceGetMemoryInfo");
  m->total = TOTAL;
  m->used = (u64)READ("memory_used_bytes") + 1048576; /* with the driver's own */
  m->free = TOTAL - m->used;
  return OK;
}
int nvmlDeviceGetMemoryInfo_v2(void *d, MemoryV2 *m) {
  ENTER("nvmlDeviceGetMemoryInfo_v2");
  if (m->version != 0x02000028) return VERSION_MISMATCH;
  m->total = TOTAL;
  m->reserved = 1048576;
  m->used = (u64)READ("memory_used_bytes");
  m->free = TOTAL - m->used - m->reserved;
  return OK;
}
int nvmlDeviceGetCurrentClocksEventReasons(void *d, u64 *bits) { ENTER("nvmlDeviceGetCurrentClocksEventReasons"); *bits = (u64)READ("throttle"); return OK; }
int nvmlDeviceGetCurrentClocksThrottleReasons(void *d, u64 *bits) { ENTER("nvmlDeviceGetCurrentClocksThrottleReasons"); *bits = (u64)READ("throttle"); return OK; }
int nvmlDeviceGetEnforcedPowerLimit(void *d, u32 *mw) { ENTER("nvmlDeviceGetEnforcedPowerLimit"); *mw = (u32)READ("power_limit_mw"); return OK; }
int nvmlDeviceGetPowerManagementLimit(void *d, u32 *mw) { ENTER("nvmlDeviceGetPowerManagementLimit"); *mw = (u32)READ("power_limit_mw"); return OK; }
int nvmlDeviceGetPowerManagementDefaultLimit(void *d, u32 *mw) { ENTER("nvmlDeviceGetPowerManagementDefaultLimit"); *mw = (u32)READ("default_limit_mw"); return OK; }
static int processes(u32 pid, u32 more, double instance, u32 *n, ProcessInfo *p) {
  u32 found = pid ? 1 + more : 0, room = *n;
  *n = found;
  if (room < found) return INSUFFICIENT_SIZE;
  u32 gi = instance > 0 ? (u32)instance : ~0U;
  /* The one that tests ask for is the last. */
  for (u32 i = 0; i < found; i++)
    p[i] = (ProcessInfo){ .pid = pid + found - 1 - i, .used = i == found - 1 ? 1073741824ULL : ~0ULL, .gi = gi, .ci = instance > 0 ? 0 : ~0U };
  return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *d, u32 *n, ProcessInfo *p) {
  ENTER("nvmlDeviceGetComputeRunningProcesses_v3");
  return processes((u32)READ("pid"), (u32)READ("more_pids"), READ("pid_instance"), n, p);
}
int nvmlDeviceGetMPSComputeRunningProcesses_v3(void *d, u32 *n, ProcessInfo *p) {
  ENTER("nvmlDeviceGetMPSComputeRunningProcesses_v3");
  return processes((u32)READ("mps_pid"), 0, 0, n, p);
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *d, u32 *n, ProcessInfo *p) {
  ENTER("nvmlDeviceGetGraphicsRunningProcesses_v3");
  return processes((u32)READ("graphics_pid"), 0, 0, n, p);
}
