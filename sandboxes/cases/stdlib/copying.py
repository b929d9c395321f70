# copy shares what is inside, deepcopy does not, and both keep aliases.
import copy

inner = [1]
outer = {"a": inner, "b": inner}
shallow, deep = copy.copy(outer), copy.deepcopy(outer)
inner.append(2)
deep["a"].append(9)
print(shallow, deep, deep["a"] is deep["b"])
# expected
#> {'a': [1, 2], 'b': [1, 2]} {'a': [1, 9], 'b': [1, 9]} True
