# `__getattr__` answers for attributes that are not there.
class Record:
    def __init__(self, data):
        self.data = data

    def __getattr__(self, name):
        if name in self.data:
            return self.data[name]
        raise AttributeError(name)


record = Record({"city": "Bern"})
print(record.city, hasattr(record, "street"), getattr(record, "street", "unknown"))
# expected
#> Bern False unknown
