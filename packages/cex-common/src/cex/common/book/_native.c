/* The sides of a book, compiled: what plain.py does, level by level, on arrays of doubles.
 *
 * Keys are prices of bids and negated prices of asks, ascending, so that the best level is the last of both and most
 * changes move few levels. Quantities are lots, of which `lots` make a base unit.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

#define LAST_BITS 1e-15

typedef struct {
    PyObject_HEAD
    double *keys;
    double *quantities;
    Py_ssize_t count;
    Py_ssize_t capacity;
    Py_ssize_t window;
    double limit_key;
    double lots;
    char has_limit;
    char descending;
    char windowed_stream;
} Side;

static PyTypeObject SideType;
static PyObject *PriceLevel; /* cex.common.types.market.PriceLevel, a subclass of tuple */
static PyObject *price_name;
static PyObject *quantity_name;

static double price_of(const Side *side, double key) { return side->descending ? key : -key; }

/* ---- arrays ---------------------------------------------------------------------------------------------------- */

static int reserve(Side *side, Py_ssize_t wanted)
{
    if (wanted <= side->capacity) {
        return 0;
    }
    Py_ssize_t capacity = side->capacity ? side->capacity : 64;
    while (capacity < wanted) {
        capacity *= 2;
    }
    double *keys = PyMem_Realloc(side->keys, (size_t)capacity * sizeof(double));
    if (keys == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    side->keys = keys;
    double *quantities = PyMem_Realloc(side->quantities, (size_t)capacity * sizeof(double));
    if (quantities == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    side->quantities = quantities;
    side->capacity = capacity;
    return 0;
}

/* The first place whose key is not below `key`. */
static Py_ssize_t place_of(const Side *side, double key)
{
    Py_ssize_t low = 0, high = side->count;
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        if (side->keys[middle] < key) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low;
}

static void drop(Side *side, Py_ssize_t from, Py_ssize_t number)
{
    Py_ssize_t behind = side->count - from - number;
    memmove(side->keys + from, side->keys + from + number, (size_t)behind * sizeof(double));
    memmove(side->quantities + from, side->quantities + from + number, (size_t)behind * sizeof(double));
    side->count -= number;
}

static int set_level(Side *side, double price, double quantity)
{
    double key = side->descending ? price : -price;
    Py_ssize_t place = place_of(side, key);
    if (place < side->count && side->keys[place] == key) {
        if (quantity == 0.0) {
            drop(side, place, 1);
        }
        else {
            side->quantities[place] = quantity;
        }
        return 0;
    }
    if (quantity == 0.0) {
        return 0;
    }
    if (reserve(side, side->count + 1) < 0) {
        return -1;
    }
    size_t behind = (size_t)(side->count - place) * sizeof(double);
    memmove(side->keys + place + 1, side->keys + place, behind);
    memmove(side->quantities + place + 1, side->quantities + place, behind);
    side->keys[place] = key;
    side->quantities[place] = quantity;
    side->count += 1;
    return 0;
}

static void keep_to_window(Side *side)
{
    if (side->count > side->window) {
        drop(side, 0, side->count - side->window);
        if (!side->windowed_stream) {
            side->has_limit = 1;
            side->limit_key = side->keys[0];
        }
    }
}

/* ---- reading what was decoded ------------------------------------------------------------------------------------ */

static int number_from(PyObject *value, double *number)
{
    *number = PyFloat_CheckExact(value) ? PyFloat_AS_DOUBLE(value) : PyFloat_AsDouble(value);
    return *number == -1.0 && PyErr_Occurred() ? -1 : 0;
}

static int attribute(PyObject *level, PyObject *name, double *number)
{
    PyObject *value = PyObject_GetAttr(level, name);
    if (value == NULL) {
        return -1;
    }
    int failed = number_from(value, number);
    Py_DECREF(value);
    return failed;
}

static int level_from(PyObject *level, double *price, double *quantity)
{
    if (PyTuple_Check(level)) {
        if (PyTuple_GET_SIZE(level) != 2) {
            PyErr_SetString(PyExc_ValueError, "a level is a price and a quantity");
            return -1;
        }
        return number_from(PyTuple_GET_ITEM(level, 0), price) < 0 ? -1
                                                                 : number_from(PyTuple_GET_ITEM(level, 1), quantity);
    }
    return attribute(level, price_name, price) < 0 ? -1 : attribute(level, quantity_name, quantity);
}

static int take(Side *side, PyObject *levels)
{
    PyObject *items = PySequence_Fast(levels, "levels are a sequence");
    if (items == NULL) {
        return -1;
    }
    int failed = 0;
    for (Py_ssize_t index = 0; !failed && index < PySequence_Fast_GET_SIZE(items); index++) {
        double price, quantity;
        failed = level_from(PySequence_Fast_GET_ITEM(items, index), &price, &quantity);
        if (!failed) {
            failed = set_level(side, price, quantity);
        }
    }
    Py_DECREF(items);
    return failed;
}

/* ---- methods ----------------------------------------------------------------------------------------------------- */

static PyObject *side_update(Side *side, PyObject *levels)
{
    if (take(side, levels) < 0) {
        return NULL;
    }
    if (side->has_limit) {
        Py_ssize_t known = place_of(side, side->limit_key);
        if (known > 0) {
            drop(side, 0, known);
        }
    }
    keep_to_window(side);
    Py_RETURN_NONE;
}

/* A whole book comes sorted, one side of it away from our order: taken from its end, every level is appended. */
static int take_whole(Side *side, PyObject *levels)
{
    PyObject *items = PySequence_List(levels);
    if (items == NULL) {
        return -1;
    }
    int failed = 0;
    Py_ssize_t number = PyList_GET_SIZE(items);
    if (number > 1) {
        double first, last, quantity;
        failed = level_from(PyList_GET_ITEM(items, 0), &first, &quantity) ||
                 level_from(PyList_GET_ITEM(items, number - 1), &last, &quantity);
        if (!failed && (side->descending ? first > last : first < last)) {
            /* Of a price that comes twice the last one counts, so the order of equal prices is kept by a stable sort. */
            PyObject *key = PyObject_GetAttrString((PyObject *)side, "_key");
            PyObject *sort = key ? PyObject_GetAttrString(items, "sort") : NULL;
            PyObject *none = sort ? PyTuple_New(0) : NULL;
            PyObject *how = none ? Py_BuildValue("{s:O}", "key", key) : NULL;
            PyObject *sorted = how ? PyObject_Call(sort, none, how) : NULL;
            failed = sorted == NULL ? -1 : 0;
            Py_XDECREF(sorted);
            Py_XDECREF(how);
            Py_XDECREF(none);
            Py_XDECREF(sort);
            Py_XDECREF(key);
        }
    }
    if (!failed) {
        failed = take(side, items);
    }
    Py_DECREF(items);
    return failed;
}

static PyObject *side_key(Side *side, PyObject *level)
{
    double price, quantity;
    if (level_from(level, &price, &quantity) < 0) {
        return NULL;
    }
    return PyFloat_FromDouble(side->descending ? price : -price);
}

static PyObject *side_load(Side *side, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"levels", "limit", "lots", NULL};
    PyObject *levels;
    Py_ssize_t limit;
    double lots;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O$nd:load", names, &levels, &limit, &lots)) {
        return NULL;
    }
    Py_ssize_t given = PySequence_Size(levels);
    if (given < 0) {
        return NULL;
    }
    side->count = 0;
    side->lots = lots;
    side->has_limit = 0;
    if (take_whole(side, levels) < 0) {
        return NULL;
    }
    if (!side->windowed_stream && 0 < limit && limit <= given && side->count) {
        side->has_limit = 1;
        side->limit_key = side->keys[0];
    }
    keep_to_window(side);
    Py_RETURN_NONE;
}

static PyObject *side_recount(Side *side, PyObject *value)
{
    double lots;
    if (number_from(value, &lots) < 0) {
        return NULL;
    }
    for (Py_ssize_t index = 0; index < side->count; index++) {
        double quantity = side->quantities[index] * lots / side->lots, nearest = nearbyint(quantity);
        side->quantities[index] = fabs(quantity - nearest) <= LAST_BITS * quantity ? nearest : quantity;
    }
    side->lots = lots;
    Py_RETURN_NONE;
}

static PyObject *side_clear(Side *side, PyObject *Py_UNUSED(ignored))
{
    side->count = 0;
    side->has_limit = 0;
    Py_RETURN_NONE;
}

static PyObject *level_at(const Side *side, Py_ssize_t index)
{
    PyObject *pair = Py_BuildValue("(dd)", price_of(side, side->keys[index]), side->quantities[index] / side->lots);
    if (pair == NULL) {
        return NULL;
    }
    PyObject *args = PyTuple_Pack(1, pair);
    Py_DECREF(pair);
    if (args == NULL) {
        return NULL;
    }
    PyObject *level = PyTuple_Type.tp_new((PyTypeObject *)PriceLevel, args, NULL);
    Py_DECREF(args);
    return level;
}

static PyObject *side_levels(Side *side, PyObject *depth)
{
    Py_ssize_t wanted = side->count;
    if (depth != Py_None) {
        wanted = PyLong_AsSsize_t(depth);
        if (wanted == -1 && PyErr_Occurred()) {
            return NULL;
        }
        if (wanted < 0) {
            return PyErr_Format(PyExc_ValueError, "depth must not be negative: %zd", wanted);
        }
        if (wanted > side->count) {
            wanted = side->count;
        }
    }
    PyObject *levels = PyList_New(wanted);
    for (Py_ssize_t index = 0; levels != NULL && index < wanted; index++) {
        PyObject *level = level_at(side, side->count - 1 - index);
        if (level == NULL) {
            Py_CLEAR(levels);
            break;
        }
        PyList_SET_ITEM(levels, index, level);
    }
    return levels;
}

static PyObject *side_best(Side *side, void *Py_UNUSED(closure))
{
    if (side->count == 0) {
        Py_RETURN_NONE;
    }
    return level_at(side, side->count - 1);
}

static PyObject *side_is_exhausted(Side *side, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(side->count == 0 && side->has_limit);
}

static PyObject *side_limit_price(Side *side, void *Py_UNUSED(closure))
{
    if (!side->has_limit) {
        Py_RETURN_NONE;
    }
    return PyFloat_FromDouble(price_of(side, side->limit_key));
}

static PyObject *side_descending(Side *side, void *Py_UNUSED(closure)) { return PyBool_FromLong(side->descending); }

static Py_ssize_t side_length(Side *side) { return side->count; }

static int side_init(Side *side, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"descending", "window", "windowed_stream", NULL};
    int descending, windowed_stream;
    PyObject *window;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$pOp:BookSide", names, &descending, &window, &windowed_stream)) {
        return -1;
    }
    side->window = PY_SSIZE_T_MAX;
    if (window != Py_None) {
        side->window = PyLong_AsSsize_t(window);
        if (side->window == -1 && PyErr_Occurred()) {
            return -1;
        }
        if (side->window < 1) {
            PyErr_SetString(PyExc_ValueError, "a window has one level at least");
            return -1;
        }
    }
    side->descending = (char)descending;
    side->windowed_stream = (char)windowed_stream;
    side->lots = 1.0;
    side->count = 0;
    side->has_limit = 0;
    return 0;
}

static void side_dealloc(Side *side)
{
    PyMem_Free(side->keys);
    PyMem_Free(side->quantities);
    Py_TYPE(side)->tp_free((PyObject *)side);
}

static PyMethodDef side_methods[] = {
    {"update", (PyCFunction)side_update, METH_O, NULL},
    {"load", (PyCFunction)(void (*)(void))side_load, METH_VARARGS | METH_KEYWORDS, NULL},
    {"recount", (PyCFunction)side_recount, METH_O, NULL},
    {"clear", (PyCFunction)side_clear, METH_NOARGS, NULL},
    {"levels", (PyCFunction)side_levels, METH_O, NULL},
    {"_key", (PyCFunction)side_key, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef side_properties[] = {
    {"best", (getter)side_best, NULL, NULL, NULL},
    {"is_exhausted", (getter)side_is_exhausted, NULL, NULL, NULL},
    {"limit_price", (getter)side_limit_price, NULL, NULL, NULL},
    {"descending", (getter)side_descending, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef side_members[] = {
    {"lots", T_DOUBLE, offsetof(Side, lots), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PySequenceMethods side_as_sequence = {.sq_length = (lenfunc)side_length};

static PyTypeObject SideType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "cex.common.book._native.BookSide",
    .tp_basicsize = sizeof(Side),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "Sorted levels of one side; see cex.common.book.plain.",
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)side_init,
    .tp_dealloc = (destructor)side_dealloc,
    .tp_methods = side_methods,
    .tp_getset = side_properties,
    .tp_members = side_members,
    .tp_as_sequence = &side_as_sequence,
};

/* ---- both sides -------------------------------------------------------------------------------------------------- */

static int both_sides(PyObject *const *args, Py_ssize_t number, Side **bids, Side **asks)
{
    if (number != 2 || !Py_IS_TYPE(args[0], &SideType) || !Py_IS_TYPE(args[1], &SideType)) {
        PyErr_SetString(PyExc_TypeError, "the two sides of a book are asked for");
        return -1;
    }
    *bids = (Side *)args[0];
    *asks = (Side *)args[1];
    return 0;
}

static PyObject *top_of(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t number)
{
    Side *bids, *asks;
    if (both_sides(args, number, &bids, &asks) < 0) {
        return NULL;
    }
    if (bids->count == 0 || asks->count == 0) {
        Py_RETURN_NONE;
    }
    Py_ssize_t bid = bids->count - 1, ask = asks->count - 1;
    PyObject *top = PyTuple_New(4);
    if (top == NULL) {
        return NULL;
    }
    double figures[4] = {price_of(bids, bids->keys[bid]), bids->quantities[bid] / bids->lots,
                         price_of(asks, asks->keys[ask]), asks->quantities[ask] / asks->lots};
    for (int index = 0; index < 4; index++) {
        PyObject *figure = PyFloat_FromDouble(figures[index]);
        if (figure == NULL) {
            Py_DECREF(top);
            return NULL;
        }
        PyTuple_SET_ITEM(top, index, figure);
    }
    return top;
}

static PyObject *is_uncrossed(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t number)
{
    Side *bids, *asks;
    if (both_sides(args, number, &bids, &asks) < 0) {
        return NULL;
    }
    return PyBool_FromLong(bids->count && asks->count &&
                           price_of(bids, bids->keys[bids->count - 1]) < price_of(asks, asks->keys[asks->count - 1]));
}

static PyMethodDef functions[] = {
    {"top_of", (PyCFunction)(void (*)(void))top_of, METH_FASTCALL, NULL},
    {"is_uncrossed", (PyCFunction)(void (*)(void))is_uncrossed, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "cex.common.book._native",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *market = PyImport_ImportModule("cex.common.types.market");
    if (market == NULL) {
        return NULL;
    }
    PriceLevel = PyObject_GetAttrString(market, "PriceLevel");
    Py_DECREF(market);
    price_name = PyUnicode_InternFromString("price");
    quantity_name = PyUnicode_InternFromString("quantity");
    if (PriceLevel == NULL || price_name == NULL || quantity_name == NULL || PyType_Ready(&SideType) < 0) {
        return NULL;
    }
    PyObject *native = PyModule_Create(&module);
    if (native == NULL || PyModule_AddObjectRef(native, "BookSide", (PyObject *)&SideType) < 0) {
        Py_XDECREF(native);
        return NULL;
    }
    return native;
}
