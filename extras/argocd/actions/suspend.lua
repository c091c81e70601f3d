-- Running trials finish, no others start.
obj.spec.suspend = true
return obj
