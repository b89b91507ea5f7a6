/*
 * A stand-in for libamd_smi.so whose readings follow a script, so that tests need no AMD GPU.
 *
 * Compiled with -DABI=24, 25 or 26 it has that generation's structures, and -DMINOR its minor version (default 2).
 * Environment: FAKE_AMDSMI_SCRIPT (path; without it every GPU draws a constant 300 W), FAKE_AMDSMI_GPUS (default 1),
 * FAKE_AMDSMI_INIT_RC (answer of amdsmi_init).
 * A script line is `t_ms gpu key value`: from t_ms after loading on, gpu (an index or *) has that value (step-hold, times
 * ascending). Keys: those of `defaults` below, the name of a function (value: its status), `once:FUNCTION` (value: the
 * status of its first call), `delay:FUNCTION` (value: microseconds it sleeps), `device_rc` (status of every call on the
 * device), `energy_uj` (the counter is set to the value at that time).
 * Time is real unless fake_amdsmi_set_time_us was called. Layouts: amdsmi.h of ROCm 6.3, 6.4 and 7.0.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef ABI
#define ABI 26
#endif
#ifndef MINOR
#define MINOR 2
#endif

typedef int64_t i64;
typedef uint64_t u64;
typedef uint32_t u32;

#if ABI == 26
typedef struct { u32 major, minor, release; const char *build; } Version;
typedef struct { u64 socket; u32 current, average; u64 gfx_mv, soc_mv, mem_mv; u32 limit; u64 reserved[18]; } Power;
_Static_assert(sizeof(Power) == 192, "amdsmi_power_info_t of 26");
#else
typedef struct { u32 year, major, minor, release; const char *build; } Version;
#if ABI == 25
typedef struct { u64 socket; u32 current, average, gfx_mv, soc_mv, mem_mv, limit; u32 reserved[2]; } Power;
_Static_assert(sizeof(Power) == 40, "amdsmi_power_info_t of 25");
#else
typedef struct { u32 current, average, gfx_mv, soc_mv, mem_mv, limit; u32 reserved[11]; } Power;
_Static_assert(sizeof(Power) == 68, "amdsmi_power_info_t of 24");
#endif
#endif
typedef struct { u64 cap, default_cap, dpm, min, max, reserved[3]; } Cap;
typedef struct { u32 clk, min, max; uint8_t locked, sleep; u32 reserved[4]; } Clock;
typedef struct { u32 gfx, umc, mm, reserved[13]; } Activity;
typedef struct { u32 total, used, reserved[2]; } Vram;
typedef struct { u64 kfd_id; u32 node_id, partition; u32 reserved[12]; } Kfd;
typedef struct { u32 render, card, hsa_id, hip_id; char hip_uuid[256]; } Enumeration;
typedef struct { u64 reference, stamp, acc[7], per[6]; uint8_t active[6]; uint8_t rest[5890]; } Violation;
_Static_assert(sizeof(Version) == 24, "amdsmi_version_t");
_Static_assert(sizeof(Cap) == 64, "amdsmi_power_cap_info_t");
_Static_assert(sizeof(Clock) == 32, "amdsmi_clk_info_t");
_Static_assert(sizeof(Activity) == 64, "amdsmi_engine_usage_t");
_Static_assert(sizeof(Vram) == 16, "amdsmi_vram_usage_t");
_Static_assert(sizeof(Kfd) == 64, "amdsmi_kfd_info_t");
_Static_assert(sizeof(Enumeration) == 272, "amdsmi_enumeration_info_t");
_Static_assert(sizeof(Violation) == 6016, "amdsmi_violation_status_t of 26");
_Static_assert(offsetof(Power, current) == (ABI == 24 ? 0 : 8), "current_socket_power");
_Static_assert(offsetof(Power, average) == (ABI == 24 ? 4 : 12), "average_socket_power");
_Static_assert(offsetof(Enumeration, hip_id) == 12, "hip_id");
_Static_assert(offsetof(Violation, active) == 120, "active_prochot_thrm");

enum { OK = 0, INVAL = 1, NOT_SUPPORTED = 2 };
enum { MAX_GPUS = 16, MAX_ENTRIES = 1024, NA = 0xFFFF };

typedef struct { double t_us; int gpu; char key[64]; double value; int used; } Entry;
static Entry entries[MAX_ENTRIES];
static int n_entries, n_gpus = 1, per_socket = 1, by_hand;
static char model[64] = "AMD Instinct MI300X";
static i64 t0_us, hand_us;
static char handles[MAX_GPUS], sockets[MAX_GPUS];

static i64 mono_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (i64)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
static i64 now_us(void) { return by_hand ? hand_us : mono_us() - t0_us; }

static const struct { const char *key; double value; } defaults[] = {
  { "power_w", 300 },       { "average_w", NA },    { "energy_uj", 1e9 },     { "resolution_uj", 15.259 },
  { "edge_c", 45 },         { "hotspot_c", 51 },    { "memory_c", 48 },       { "gfx_mhz", 2100 },
  { "mem_mhz", 1300 },      { "activity_pct", 0 },  { "vram_used_mib", 1024 }, { "vram_total_mib", 196592 },
  { "cap_uw", 750e6 },      { "default_cap_uw", 750e6 }, { "processor_hot", 0 }, { "package_power", 0 },
  { "socket_thermal", 0 },  { "regulator_thermal", 0 }, { "memory_thermal", 0 }, { "hip_id", -1 },
  { "node_id", -1 },        { "bus", -1 },         
};

static int matches(const Entry *e, int gpu, const char *key) {
  return (e->gpu < 0 || e->gpu == gpu) && strcmp(e->key, key) == 0;
}
static Entry *entry_at(int gpu, const char *key, double t) {
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
/* Integral of the power over [a, b] us, in W x us = uJ. */
static double integral(int gpu, double a, double b) {
  double sum = 0, from = a, value = value_at(gpu, "power_w", a);
  for (int i = 0; i < n_entries; i++) {
    if (!matches(&entries[i], gpu, "power_w") || entries[i].t_us <= a || entries[i].t_us >= b) continue;
    sum += value * (entries[i].t_us - from);
    from = entries[i].t_us;
    value = entries[i].value;
  }
  return sum + value * (b - from);
}

/* -- what tests steer -- */

void fake_amdsmi_load(const char *script, int gpus, int gpus_a_socket, const char *name) {
  n_entries = 0;
  n_gpus = gpus < 0 ? 0 : gpus > MAX_GPUS ? MAX_GPUS : gpus;
  per_socket = gpus_a_socket < 1 ? 1 : gpus_a_socket;
  if (name) snprintf(model, sizeof model, "%s", name);
  by_hand = 0;
  t0_us = mono_us();
  FILE *f = script && *script ? fopen(script, "r") : NULL;
  char line[256], gpu[16];
  while (f && n_entries < MAX_ENTRIES && fgets(line, sizeof line, f)) {
    Entry *e = &entries[n_entries];
    if (sscanf(line, "%lf %15s %63s %lf", &e->t_us, gpu, e->key, &e->value) != 4) continue;
    e->t_us *= 1000;
    e->gpu = *gpu == '*' ? -1 : atoi(gpu);
    e->used = 0;
    n_entries++;
  }
  if (f) fclose(f);
}
/* Time stands still at this many microseconds after loading. */
void fake_amdsmi_set_time_us(i64 t) { by_hand = 1; hand_us = t; }

__attribute__((constructor)) static void on_load(void) {
  const char *gpus = getenv("FAKE_AMDSMI_GPUS");
  fake_amdsmi_load(getenv("FAKE_AMDSMI_SCRIPT"), gpus ? atoi(gpus) : 1, 1, NULL);
}

/* -- AMDSMI -- */

/* What every call on a device does first: sleeps, fails. */
static int enter(void *device, const char *function) {
  int gpu = (int)((char *)device - handles);
  if (gpu < 0 || gpu >= n_gpus) return INVAL;
  double t = (double)now_us();
  char key[96];
  snprintf(key, sizeof key, "delay:%s", function);
  double delay = value_at(gpu, key, t);
  if (delay > 0) usleep((useconds_t)delay);
  snprintf(key, sizeof key, "once:%s", function);
  Entry *once = entry_at(gpu, key, t);
  if (once && !once->used) { once->used = 1; return (int)once->value; }
  int rc = (int)value_at(gpu, "device_rc", t);
  return rc ? rc : (int)value_at(gpu, function, t);
}
#define ENTER(name) int rc_ = enter(d, name); if (rc_) return rc_; int g = (int)((char *)d - handles); double t = (double)now_us(); (void)g; (void)t
#define READ(key) value_at(g, key, t)

int amdsmi_init(u64 flags) { const char *rc = getenv("FAKE_AMDSMI_INIT_RC"); return rc ? atoi(rc) : flags == 2 ? OK : INVAL; }
int amdsmi_shut_down(void) { return OK; }
int amdsmi_get_lib_version(Version *v) {
#if ABI == 26
  *v = (Version){ .major = 26, .minor = MINOR, .release = 0 };
#else
  *v = (Version){ .year = ABI, .major = ABI == 24 ? 7 : 25, .minor = MINOR, .release = 0 };
#endif
  return OK;
}
int amdsmi_get_socket_handles(u32 *n, void **out) {
  u32 have = (u32)((n_gpus + per_socket - 1) / per_socket);
  for (u32 i = 0; out && i < have && i < *n; i++) out[i] = &sockets[i];
  *n = have;
  return OK;
}
int amdsmi_get_processor_handles(void *socket, u32 *n, void **out) {
  int s = (int)((char *)socket - sockets), first = s * per_socket;
  u32 have = (u32)(n_gpus - first < per_socket ? n_gpus - first : per_socket);
  for (u32 i = 0; out && i < have && i < *n; i++) out[i] = &handles[first + (int)i];
  *n = have;
  return OK;
}
int amdsmi_get_gpu_device_uuid(void *d, u32 *length, char *uuid) {
  ENTER("amdsmi_get_gpu_device_uuid");
  if (*length < 38) return INVAL;
  snprintf(uuid, *length, "%02xff740f-0000-1000-80ea-e05c945bb3b2", g / per_socket);
  return OK;
}
int amdsmi_get_gpu_device_bdf(void *d, u64 *bdf) {
  ENTER("amdsmi_get_gpu_device_bdf");
  int bus = READ("bus") < 0 ? 0xc1 + g / per_socket : (int)READ("bus");
  *bdf = (u64)bus << 8 | (u64)(g % per_socket);
  return OK;
}
int amdsmi_get_gpu_asic_info(void *d, char *info) {
  ENTER("amdsmi_get_gpu_asic_info");
  memset(info, 0, 896);
  strcpy(info, model);
  return OK;
}
int amdsmi_get_gpu_enumeration_info(void *d, Enumeration *e) {
  ENTER("amdsmi_get_gpu_enumeration_info");
  memset(e, 0, sizeof *e);
  e->hip_id = (u32)(READ("hip_id") < 0 ? g : READ("hip_id"));
  return OK;
}
int amdsmi_get_gpu_kfd_info(void *d, Kfd *k) {
  ENTER("amdsmi_get_gpu_kfd_info");
  memset(k, 0, sizeof *k);
  k->kfd_id = 50000 + (u64)g;
  k->node_id = (u32)(READ("node_id") < 0 ? g + 2 : READ("node_id"));
  return OK;
}
int amdsmi_get_power_info(void *d, Power *p) {
  ENTER("amdsmi_get_power_info");
  memset(p, 0, sizeof *p);
  p->current = (u32)READ("power_w");
  p->average = (u32)READ("average_w");
  return OK;
}
int amdsmi_get_power_cap_info(void *d, u32 sensor, Cap *c) {
  ENTER("amdsmi_get_power_cap_info");
  if (sensor != 0) return INVAL;
  memset(c, 0, sizeof *c);
  c->cap = (u64)READ("cap_uw");
  c->default_cap = (u64)READ("default_cap_uw");
  return OK;
}
int amdsmi_get_energy_count(void *d, u64 *count, float *resolution, u64 *stamp_ns) {
  ENTER("amdsmi_get_energy_count");
  const Entry *set = entry_at(g, "energy_uj", t);
  double from = set ? set->t_us : 0, uj = READ("energy_uj") + (t > from ? integral(g, from, t) : 0);
  *resolution = (float)READ("resolution_uj");
  *count = *resolution > 0 ? (u64)(uj / *resolution) : ~0ULL;
  *stamp_ns = (u64)t * 1000;
  return OK;
}
int amdsmi_get_temp_metric(void *d, u32 sensor, u32 metric, i64 *celsius) {
  ENTER("amdsmi_get_temp_metric");
  if (sensor > 2 || metric != 0) return INVAL;
  double c = READ(sensor == 0 ? "edge_c" : sensor == 1 ? "hotspot_c" : "memory_c");
  if (c < 0) return NOT_SUPPORTED;
  *celsius = (i64)c;
  return OK;
}
int amdsmi_get_clock_info(void *d, u32 type, Clock *c) {
  ENTER("amdsmi_get_clock_info");
  memset(c, 0, sizeof *c);
  c->clk = (u32)READ(type == 4 ? "mem_mhz" : "gfx_mhz");
  return type == 0 || type == 4 ? OK : INVAL;
}
int amdsmi_get_gpu_activity(void *d, Activity *a) {
  ENTER("amdsmi_get_gpu_activity");
  memset(a, 0, sizeof *a);
  a->gfx = (u32)READ("activity_pct");
  return OK;
}
int amdsmi_get_gpu_vram_usage(void *d, Vram *v) {
  ENTER("amdsmi_get_gpu_vram_usage");
  v->total = (u32)READ("vram_total_mib");
  v->used = (u32)READ("vram_used_mib");
  return OK;
}
int amdsmi_get_violation_status(void *d, Violation *v) {
  ENTER("amdsmi_get_violation_status");
  memset(v, 0xff, sizeof *v);
  const char *keys[] = { "processor_hot", "package_power", "socket_thermal", "regulator_thermal", "memory_thermal" };
  for (int i = 0; i < 5; i++) v->active[i] = (uint8_t)READ(keys[i]);
  return OK;
}
