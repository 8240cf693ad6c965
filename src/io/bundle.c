/* Between devices and files: names, order, layout. Weights of convolutions are [O, KH, KW, I] on the
 * device and [O, I, KH, KW] in files, along one or three axes likewise. Not here: the container (safetensors.c), what is saved when
 * (model.c, checkpoint.c). */
#include "io/bundle.h"

#include <string.h>

/* --- Filling ---------------------------------------------------------------------------------- */

/* One more place in the three arrays. `capacity` belongs to all of them, so it moves only when all have
 * grown. */
static int make_room(clgi_bundle *bundle)
{
    size_t a = bundle->capacity, b = a, c = a;
    if (bundle->count < bundle->capacity) return 1;
    if (!clgi_grow((void **)&bundle->entries, &a, sizeof *bundle->entries)) return 0;
    if (!clgi_grow((void **)&bundle->tensors, &b, sizeof *bundle->tensors)) return 0;
    if (!clgi_grow((void **)&bundle->ohwi, &c, sizeof *bundle->ohwi)) return 0;
    bundle->capacity = a < b ? a : b;
    if (c < bundle->capacity) bundle->capacity = c;
    return 1;
}

/* The name is put together from three texts. */
static clg_status add(clgi_bundle *bundle, const char *const parts[3], const char *dtype, clg_shape shape,
                      clg_tensor *tensor, int32_t ohwi, clg_error *error)
{
    clgi_text name = { 0 };
    clgi_text_add(&name, "%s%s%s", parts[0], parts[1], parts[2]);
    if (name.failed || !make_room(bundle)) {
        clgi_text_finish(&name);
        return clgi_fail_memory(error, (bundle->capacity + 1) * sizeof *bundle->entries);
    }
    size_t bytes = (size_t)clg_shape_count(shape) * clgi_safetensors_dtype_size(dtype);
    bundle->entries[bundle->count] = (clgi_entry){ name.data, dtype, shape, 0, bytes };
    bundle->tensors[bundle->count] = tensor;
    bundle->ohwi[bundle->count++] = ohwi;
    return CLG_OK;
}

static clg_shape file_shape(clg_shape s, int32_t ohwi)
{
    const int last = s.ndim - 1;
    if (!ohwi) return s;
    clg_shape moved = { s.ndim, { s.dim[0], s.dim[last] } };
    for (int d = 1; d < last; ++d) moved.dim[1 + d] = s.dim[d];
    return moved;
}

/* Length of the part of "3.running_var" before "running_var", or -1. */
static int before_running_var(const char *name)
{
    static const char ending[] = "running_var";
    const size_t length = strlen(name), n = sizeof ending - 1;
    if (length < n || strcmp(name + length - n, ending)) return -1;
    return length == n || name[length - n - 1] == '.' ? (int)(length - n) : -1;
}

static clg_status add_parameter(clgi_bundle *bundle, const char *prefix, clg_parameter p, clg_error *error)
{
    const clg_shape shape = clg_tensor_shape(p.tensor);
    const char *dtype = clgi_safetensors_dtype(clg_tensor_dtype(p.tensor));
    clg_status status = add(bundle, (const char *[]){ prefix, p.name, "" }, dtype, file_shape(shape, p.ohwi),
                            p.tensor, p.ohwi, error);
    const int stem = before_running_var(p.name);
    if (status || stem < 0) return status;
    char *owner = clgi_strdup(p.name);
    if (!owner) return clgi_fail_memory(error, strlen(p.name) + 1);
    owner[stem] = 0;
    status = add(bundle, (const char *[]){ prefix, owner, "num_batches_tracked" }, "I64",
                 (clg_shape){ 0, { 0 } }, NULL, 0, error);
    clgi_free(owner);
    return status;
}

clg_status clgi_bundle_module(clgi_bundle *bundle, const char *prefix, clg_module *module, clg_error *error)
{
    clg_status status = CLG_OK;
    const size_t count = clg_module_parameter_count(module);
    if (!count && clg_module_error(module)->status) return clgi_error_copy(error, clg_module_error(module));
    for (size_t i = 0; i < count && !status; ++i) {
        status = add_parameter(bundle, prefix, clg_module_parameter(module, i), error);
    }
    return status;
}

clg_status clgi_bundle_optimizer(clgi_bundle *bundle, const char *prefix, clg_optimizer *optimizer,
                                 clg_error *error)
{
    clg_status status = CLG_OK;
    if (!optimizer) return CLG_OK;
    if (clg_optimizer_error(optimizer)->status) return clgi_error_copy(error, clg_optimizer_error(optimizer));
    for (size_t i = 0; i < clg_optimizer_state_count(optimizer) && !status; ++i) {
        const char *name = "";
        clg_tensor *tensor = clg_optimizer_state(optimizer, i, &name);
        status =
            add(bundle, (const char *[]){ prefix, name, "" },
                clgi_safetensors_dtype(clg_tensor_dtype(tensor)), clg_tensor_shape(tensor), tensor, 0, error);
    }
    return status;
}

clg_status clgi_bundle_bytes(clgi_bundle *bundle, const char *name, size_t bytes, clg_error *error)
{
    const clg_shape shape = { 1, { (int64_t)bytes } };
    return add(bundle, (const char *[]){ name, "", "" }, "U8", shape, NULL, 0, error);
}

/* --- Layout ----------------------------------------------------------------------------------- */

/* Types of 8 bytes first, so that each tensor is aligned; otherwise in order of adding. */
static clg_status lay_out(clgi_bundle *bundle, clg_error *error)
{
    size_t at = 0, largest = 0;
    for (size_t item = 8; item; item /= 2) {
        for (size_t i = 0; i < bundle->count; ++i) {
            clgi_entry *entry = &bundle->entries[i];
            if (clgi_safetensors_dtype_size(entry->dtype) != item) continue;
            entry->offset = at;
            at += entry->bytes;
            if (bundle->ohwi[i] && entry->bytes > largest) largest = entry->bytes;
        }
    }
    bundle->block_bytes = at;
    bundle->block = clgi_alloc_zero(at, 1);
    bundle->scratch = clgi_alloc(largest);
    return bundle->block && bundle->scratch ? CLG_OK : clgi_fail_memory(error, at + largest);
}

/* [O, P, I] <-> [O, I, P] where P counts the places of the kernel: a transpose for each O, the same code both ways. */
static void transpose(const uint8_t *from, uint8_t *to, int64_t outer, int64_t rows, int64_t columns,
                      size_t item)
{
    const size_t plane = (size_t)(rows * columns) * item;
    for (int64_t o = 0; o < outer; ++o, from += plane, to += plane) {
        for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < columns; ++c) {
                memcpy(to + (size_t)(c * rows + r) * item, from + (size_t)(r * columns + c) * item, item);
            }
        }
    }
}

static void permute(const clgi_entry *entry, int to_file, const uint8_t *from, uint8_t *to)
{
    const int64_t *n = entry->shape.dim, inner = n[1];
    int64_t place = 1;
    for (int d = 2; d < entry->shape.ndim; ++d) place *= n[d];
    transpose(from, to, n[0], to_file ? place : inner, to_file ? inner : place,
              clgi_safetensors_dtype_size(entry->dtype));
}

clg_status clgi_bundle_read(clgi_bundle *bundle, clg_error *error)
{
    clg_status status = lay_out(bundle, error);
    for (size_t i = 0; i < bundle->count && !status; ++i) {
        const clgi_entry *entry = &bundle->entries[i];
        uint8_t *to = bundle->block + entry->offset;
        if (!bundle->tensors[i]) continue;
        status =
            clg_tensor_read(bundle->tensors[i], bundle->ohwi[i] ? bundle->scratch : to, entry->bytes, error);
        if (!status && bundle->ohwi[i]) permute(entry, 1, bundle->scratch, to);
    }
    return status;
}

/* --- Loading ---------------------------------------------------------------------------------- */

static int same_shape(clg_shape a, clg_shape b)
{
    return a.ndim == b.ndim && !memcmp(a.dim, b.dim, (size_t)a.ndim * sizeof *a.dim);
}

static clg_status refuse(const char *path, const clgi_entry *found, const clgi_entry *wanted,
                         clg_error *error)
{
    clgi_text text = { 0 };
    const int dtype = strcmp(found->dtype, wanted->dtype) != 0;
    clgi_text_add(&text, "%s ", found->dtype);
    clgi_shape_add(&text, found->shape);
    clgi_text_add(&text, ", wanted %s ", wanted->dtype);
    clgi_shape_add(&text, wanted->shape);
    const clg_status status = clgi_fail(error, dtype ? CLG_EDTYPE : CLG_ESHAPE, "load: %s: '%s' is %s", path,
                                        found->name, text.failed ? "of another type or shape" : text.data);
    clgi_text_finish(&text);
    return status;
}

clg_status clgi_bundle_match(const clgi_bundle *bundle, const char *path, const clgi_safetensors *file,
                             clg_error *error)
{
    const clgi_safetensors own = { .entries = bundle->entries, .count = bundle->count };
    for (size_t i = 0; i < bundle->count; ++i) {
        const clgi_entry *wanted = &bundle->entries[i], *found = clgi_safetensors_find(file, wanted->name);
        if (!found && !bundle->tensors[i]) continue; /* older files may lack what only PyTorch reads */
        if (!found) {
            return clgi_fail(error, CLG_EFORMAT,
                             "load: %s: '%s' is missing: the file holds %zu tensors, wanted %zu", path,
                             wanted->name, file->count, bundle->count);
        }
        if (strcmp(found->dtype, wanted->dtype) || !same_shape(found->shape, wanted->shape)) {
            return refuse(path, found, wanted, error);
        }
    }
    for (size_t i = 0; i < file->count; ++i) {
        if (!clgi_safetensors_find(&own, file->entries[i].name)) {
            return clgi_fail(error, CLG_EFORMAT,
                             "load: %s: '%s' is not in the model: the file holds %zu tensors, wanted %zu",
                             path, file->entries[i].name, file->count, bundle->count);
        }
    }
    return CLG_OK;
}

static clg_status write_one(clgi_bundle *bundle, size_t i, const uint8_t *from, clg_error *error)
{
    const clgi_entry *entry = &bundle->entries[i];
    if (!bundle->tensors[i]) return CLG_OK;
    if (bundle->ohwi[i]) {
        permute(entry, 0, from, bundle->scratch);
        from = bundle->scratch;
    }
    return clg_tensor_write(bundle->tensors[i], from, entry->bytes, error);
}

clg_status clgi_bundle_write(clgi_bundle *bundle, const clgi_safetensors *file, clg_error *error)
{
    clg_status status = CLG_OK;
    size_t done = 0;
    for (; done < bundle->count && !status; ++done) {
        const clgi_entry *found = clgi_safetensors_find(file, bundle->entries[done].name);
        if (found) status = write_one(bundle, done, file->data + found->offset, error);
    }
    if (!status) return CLG_OK;
    for (size_t i = 0; i < done; ++i)
        (void)write_one(bundle, i, bundle->block + bundle->entries[i].offset, NULL);
    return status;
}

void clgi_bundle_finish(clgi_bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; ++i) clgi_free((char *)(uintptr_t)bundle->entries[i].name);
    clgi_free(bundle->entries);
    clgi_free(bundle->tensors);
    clgi_free(bundle->ohwi);
    clgi_free(bundle->block);
    clgi_free(bundle->scratch);
    *bundle = (clgi_bundle){ 0 };
}
